"""Writes records into the database: each id once, rows and counters in one transaction."""

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

ATTEMPTS = 8
CONFLICTS = {1020, 1062, 1205, 1213}
"""MySQL: row changed meanwhile, id came up meanwhile, lock wait timeout, deadlock. The next attempt sees the outcome.

SQLite has none of these: :func:`writing` lets one transaction in after the other.
"""

FIELDS = tuple(field.name for field in fields(Record))
KNOWN = select(classifications.c.id).where(classifications.c.id.in_(bindparam("ids", expanding=True)))
INSERT = insert(classifications)


def store(engine: Engine, records: Sequence[Record]) -> int:
    """Keep the records whose ids are new and count them; how many those were.

    All or nothing. When this fails the outcome may be unknown (a lost connection during the commit): call again, what
    is there already is left alone. Raises ``sqlalchemy.exc.DatabaseError``, or ``ValueError``, ``TypeError`` or
    ``OverflowError`` for what no database takes.
    """
    batch = {record.id: record for record in records}
    if not batch:
        return 0
    for attempt in range(ATTEMPTS):
        try:
            with writing(engine) as connection:
                return _store(connection, batch)
        except DatabaseError as error:
            if attempt == ATTEMPTS - 1 or not _is_conflict(error):
                raise
        time.sleep(0.005 * 2**attempt)
    raise AssertionError("unreachable")


def _store(connection: Connection, batch: dict[str, Record]) -> int:
    known = set(connection.scalars(KNOWN, {"ids": list(batch)}))
    new = [record for id_, record in sorted(batch.items()) if id_ not in known]
    if new:
        connection.execute(INSERT, [_row(record) for record in new])
        count(connection, new)
    return len(new)


def _is_conflict(error: DatabaseError) -> bool:
    return bool(error.orig and error.orig.args and error.orig.args[0] in CONFLICTS)


def _row(record: Record) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in FIELDS}
    row["created_us"] = microseconds(row.pop("created_at"))
    return row
