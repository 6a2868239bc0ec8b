"""Deletion of many rows in small transactions, which keeps locks short."""

import time
from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, Delete, Engine, Table, delete, select, tuple_

from serve_app.database.engine import writing
from serve_app.statistics.conflicts import retry_conflicts
from serve_app.statistics.counters import subtract
from serve_app.statistics.tables import classifications

_CHUNK = 500
"""Rows per transaction."""
_PAUSE_S = 0.01
"""Pause between transactions, so that writers get the lock."""
_COUNTED = tuple(
    classifications.c[name]
    for name in ("id", "user_id", "url", "sha256", "label", "wnid", "processing_ms", "created_us")
)


def delete_gradually(engine: Engine, table: Table, condition: ColumnElement[bool]) -> int:
    """Delete all rows that match the condition. Returns their number."""
    return _in_chunks(engine, lambda connection: connection.execute(_delete_chunk(engine, table, condition)).rowcount)


def delete_classifications(engine: Engine, condition: ColumnElement[bool], now_s: float | None = None) -> int:
    """Delete all classifications that match the condition. Returns their number.

    Those of users no longer count in the Top 10; anonymous ones, which belong to nobody, do.
    """
    now_s = time.time() if now_s is None else now_s
    return _in_chunks(engine, lambda connection: _delete_classifications(connection, condition, now_s))


def _in_chunks(engine: Engine, delete_chunk: Callable[[Connection], int]) -> int:
    def transaction() -> int:
        with writing(engine) as connection:
            return delete_chunk(connection)

    total = 0
    while True:
        number = retry_conflicts(transaction)
        total += number
        if number < _CHUNK:
            return total
        time.sleep(_PAUSE_S)


def _delete_classifications(connection: Connection, condition: ColumnElement[bool], now_s: float) -> int:
    """The lock on the rows keeps a concurrent deletion from subtracting them once more."""
    rows = connection.execute(select(*_COUNTED).where(condition).limit(_CHUNK).with_for_update()).all()
    connection.execute(delete(classifications).where(classifications.c.id.in_([row.id for row in rows])))
    subtract(connection, [row for row in rows if row.user_id is not None], now_s)
    return len(rows)


def _delete_chunk(engine: Engine, table: Table, condition: ColumnElement[bool]) -> Delete:
    """Delete at most ``_CHUNK`` rows: with LIMIT in MySQL, with a subquery in SQLite."""
    if engine.dialect.name != "sqlite":
        return delete(table).where(condition).with_dialect_options(mysql_limit=_CHUNK, mariadb_limit=_CHUNK)
    key = tuple_(*table.primary_key)
    return delete(table).where(key.in_(select(*table.primary_key).where(condition).limit(_CHUNK)))
