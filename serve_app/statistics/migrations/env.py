"""Run by Alembic with the connection that :mod:`serve_app.statistics.schema` opened."""

from alembic import context

from serve_app.statistics.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
