"""Run by Alembic with the connection that :mod:`serve_app.database.schema` opened."""

from alembic import context

attributes = context.config.attributes
context.configure(connection=attributes["connection"], version_table=attributes["version_table"])
with context.begin_transaction():
    context.run_migrations()
