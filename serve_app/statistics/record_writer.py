"""Writes records to the database exactly once, rows and counters in one transaction."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, insert, select

from serve_app.database.engine import writing
from serve_app.statistics.conflicts import retry_conflicts
from serve_app.statistics.counters import count, microseconds
from serve_app.statistics.tables import classifications
from serve_app.types import Record

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

    def transaction() -> int:
        with writing(engine) as connection:
            return _insert_new(connection, batch)

    return retry_conflicts(transaction)


def _insert_new(connection: Connection, batch: dict[str, Record]) -> int:
    known = set(connection.scalars(_SELECT_KNOWN_IDS, {"ids": list(batch)}))
    new = [record for id_, record in sorted(batch.items()) if id_ not in known]
    if new:
        connection.execute(_INSERT, [_row(record) for record in new])
        count(connection, new)
    return len(new)


def _row(record: Record) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in _FIELDS}
    row["created_us"] = microseconds(row.pop("created_at"))
    return row
