"""Deletion of many rows in small transactions, which keeps locks short."""

import time

from sqlalchemy import ColumnElement, Delete, Engine, Table, delete, select, tuple_

from serve_app.database.engine import writing

_CHUNK = 500
"""Rows per transaction."""
_PAUSE_S = 0.01
"""Pause between transactions, so that writers get the lock."""


def delete_gradually(engine: Engine, table: Table, condition: ColumnElement[bool]) -> int:
    """Delete all rows that match the condition. Returns their number."""
    total = 0
    while True:
        with writing(engine) as connection:
            number = connection.execute(_delete_chunk(engine, table, condition)).rowcount
        total += number
        if number < _CHUNK:
            return total
        time.sleep(_PAUSE_S)


def _delete_chunk(engine: Engine, table: Table, condition: ColumnElement[bool]) -> Delete:
    """Delete at most ``_CHUNK`` rows: with LIMIT in MySQL, with a subquery in SQLite."""
    if engine.dialect.name != "sqlite":
        return delete(table).where(condition).with_dialect_options(mysql_limit=_CHUNK, mariadb_limit=_CHUNK)
    key = tuple_(*table.primary_key)
    return delete(table).where(key.in_(select(*table.primary_key).where(condition).limit(_CHUNK)))
