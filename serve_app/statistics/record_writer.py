"""Writes records to the database exactly once, rows and counters in one transaction."""

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Connection, Engine, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from auth.driver_cursor import DriverCursor
from serve_app.database.engine import writing
from serve_app.statistics.conflicts import retry_conflicts
from serve_app.statistics.counters import count, microseconds
from serve_app.statistics.tables import classifications
from serve_app.types import Record

_FIELDS: Final = tuple(field.name for field in fields(Record))
_SELECT_KNOWN_IDS: Final = select(classifications.c.id).where(
    classifications.c.id.in_(bindparam("ids", expanding=True))
)
_INSERT: Final = insert(classifications).values(
    {column.name: bindparam(column.name, required=False) for column in classifications.c}
)


def write_records(engine: Engine, records: Sequence[Record]) -> int:
    """Insert the records whose ids are new, update the counters, and return the number of new records.

    All or nothing. After a failure the outcome may be unknown, for example when the connection was lost during the
    commit. Calling again is safe: existing ids are skipped. Raises ``sqlalchemy.exc.DatabaseError``, or ``ValueError``,
    ``TypeError`` or ``OverflowError`` for values that the database cannot store.
    """
    by_id = {record.id: record for record in records}
    batch = [by_id[id_] for id_ in sorted(by_id)]
    if not batch:
        return 0

    def transaction() -> int:
        try:
            with writing(engine) as connection:
                return _insert(connection, batch)
        except IntegrityError:  # some ids exist, which is rare: only retries have them
            with writing(engine) as connection:
                return _insert(connection, _without_known(connection, batch))

    return retry_conflicts(transaction)


def _without_known(connection: Connection, batch: list[Record]) -> list[Record]:
    known = set(connection.scalars(_SELECT_KNOWN_IDS, {"ids": [record.id for record in batch]}))
    return [record for record in batch if record.id not in known]


def _insert(connection: Connection, new: list[Record]) -> int:
    if new:
        DriverCursor(connection).write(_INSERT, [_row(record) for record in new])
        count(connection, new)
    return len(new)


def _row(record: Record) -> dict[str, Any]:
    """The values of the columns, as the drivers take them."""
    row = {name: getattr(record, name) for name in _FIELDS}
    row["created_us"] = microseconds(record.created_at)
    row["predictions"], row["timings_ms"] = json.dumps(record.predictions), json.dumps(record.timings_ms)
    return row
