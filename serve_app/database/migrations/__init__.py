"""The environment Alembic runs every migration in; the migrations stand beside the tables they change."""
