"""Writes records to the database exactly once, rows and counters in one transaction."""

import time
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, insert, select
from sqlalchemy.exc import DatabaseError

from serve_app.database.engine import writing
from serve_app.statistics.counters import count, microseconds
from serve_app.statistics.tables import classifications
from serve_app.types import Record

_ATTEMPTS = 8
_CONFLICTS = {1020, 1062, 1205, 1213}
"""MySQL error codes: record changed, duplicate key, lock wait timeout, deadlock. The next attempt sees the outcome.

SQLite has no such conflicts, because :func:`writing` runs one transaction after the other.
"""

_FIELDS = tuple(field.name for field in fields(Record))
_SELECT_KNOWN_IDS = select(classifications.c.id).where(classifications.c.id.in_(bindparam("ids", expanding=True)))
_INSERT = insert(classifications)


def write_records(engine: Engine, records: Sequence[Record]) -> int:
    """Insert the records whose ids are new, update the counters, and return the number of new records.

    All or nothing. After a failure the outcome may be unknown, for example when the connection was lost during the
    commit. Calling again is safe: existing ids are skipped. Raises ``sqlalchemy.exc.DatabaseError``, or ``ValueError``,
    ``TypeError`` or ``OverflowError`` for values that the database cannot store.
    """
    batch = {record.id: record for record in records}
    if not batch:
        return 0
    for attempt in range(_ATTEMPTS):
        try:
            with writing(engine) as connection:
                return _insert_new(connection, batch)
        except DatabaseError as error:
            if attempt == _ATTEMPTS - 1 or not _is_conflict(error):
                raise
        time.sleep(0.005 * 2**attempt)
    raise AssertionError("unreachable")


def _insert_new(connection: Connection, batch: dict[str, Record]) -> int:
    known = set(connection.scalars(_SELECT_KNOWN_IDS, {"ids": list(batch)}))
    new = [record for id_, record in sorted(batch.items()) if id_ not in known]
    if new:
        connection.execute(_INSERT, [_row(record) for record in new])
        count(connection, new)
    return len(new)


def _is_conflict(error: DatabaseError) -> bool:
    return bool(error.orig and error.orig.args and error.orig.args[0] in _CONFLICTS)


def _row(record: Record) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in _FIELDS}
    row["created_us"] = microseconds(row.pop("created_at"))
    return row
