"""Alembic's changes of the tables, oldest first in ``versions``."""
