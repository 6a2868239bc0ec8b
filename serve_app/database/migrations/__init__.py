"""The Alembic environment of all migrations. The migrations themselves are in the packages of their tables."""
