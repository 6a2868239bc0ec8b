"""Deletes many rows a little at a time: no lock is held long enough for a request to notice."""

import time

from sqlalchemy import ColumnElement, Delete, Engine, Table, delete, select, tuple_

from serve_app.database.engine import writing

CHUNK = 500
"""Rows a transaction."""
PAUSE_S = 0.01
"""Between two of them, so that recorders get their turn."""


def delete_gradually(engine: Engine, table: Table, condition: ColumnElement[bool]) -> int:
    """Delete all rows that the condition holds for; how many those were."""
    total = 0
    while True:
        with writing(engine) as connection:
            number = connection.execute(_some(engine, table, condition)).rowcount
        total += number
        if number < CHUNK:
            return total
        time.sleep(PAUSE_S)


def _some(engine: Engine, table: Table, condition: ColumnElement[bool]) -> Delete:
    """Delete at most ``CHUNK`` rows: MySQL has a LIMIT for it, SQLite takes the keys from a query of the same table."""
    if engine.dialect.name != "sqlite":
        return delete(table).where(condition).with_dialect_options(mysql_limit=CHUNK, mariadb_limit=CHUNK)
    key = tuple_(*table.primary_key)
    return delete(table).where(key.in_(select(*table.primary_key).where(condition).limit(CHUNK)))
