"""Users whose classifications were erased, so that none of these returns from a spool."""

import time
from collections.abc import Sequence
from typing import TypeGuard

from sqlalchemy import Engine, delete, insert, select

from serve_app.database.engine import writing
from serve_app.statistics.conflicts import retry_conflicts
from serve_app.statistics.counters import microseconds
from serve_app.statistics.tables import erasures
from serve_app.types import Record


def mark_erased(engine: Engine, user_id: int) -> None:
    """Note that all classifications of the user up to now are erased."""

    def transaction() -> None:
        with writing(engine) as connection:
            connection.execute(delete(erasures).where(erasures.c.user_id == user_id))
            connection.execute(insert(erasures).values(user_id=user_id, erased_us=microseconds(time.time())))

    retry_conflicts(transaction)


def without_erased(engine: Engine, records: Sequence[Record]) -> list[Record]:
    """The records that were not erased while they waited in a spool."""
    users = {record.user_id for record in records if _is_user_id(record.user_id)}
    if not users:
        return list(records)
    with engine.connect() as connection:
        query = select(erasures.c.user_id, erasures.c.erased_us).where(erasures.c.user_id.in_(users))
        erased = {row.user_id: row.erased_us for row in connection.execute(query)}
    return [record for record in records if not _is_erased(record, erased)]


def _is_erased(record: Record, erased: dict[int, int]) -> bool:
    user_id = record.user_id
    return _is_user_id(user_id) and record.created_at * 1e6 <= erased.get(user_id, -1)


def _is_user_id(value: object) -> TypeGuard[int]:
    """A damaged file may have anything, which the database then rejects."""
    return isinstance(value, int) and 0 < value < 1 << 63
