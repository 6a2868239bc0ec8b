"""A user's own Top 10, computed from their history: what they delete disappears at once."""

import time
from typing import Any, Final

from sqlalchemy import Engine, select

from serve_app.statistics.counters import Rows, add, occurrences_of
from serve_app.statistics.tables import classifications
from serve_app.statistics.top import By, TopEntry, entry_of, kinds_of
from serve_app.statistics.windows import BUCKET_S, Window, bucket_starts

ROWS_LIMIT: Final = 10_000
"""Classifications read at most, the newest ones."""

_TABLE = classifications.c
_COLUMNS: Final = tuple(
    _TABLE[name] for name in ("user_id", "url", "sha256", "label", "wnid", "processing_ms", "created_us")
)


def own_top(
    engine: Engine, user_id: int, by: By, window: Window, limit: int, *, now: float | None = None
) -> list[TopEntry]:
    """The images, whatever their URL, or labels that a user classified most often, in descending order.

    Counts the user's last ``ROWS_LIMIT`` classifications of the window, which is as long as in the public Top 10.
    """
    kinds = kinds_of(by)
    totals: Rows = {}
    for row in _rows(engine, user_id, window, time.time() if now is None else now):
        for occurrence in occurrences_of(row, public=False):
            if occurrence.kind in kinds:
                add(totals, {"kind": occurrence.kind, "key": occurrence.key}, occurrence, occurrence.sample)
    ordered = sorted(totals.values(), key=lambda total: (total["count"], total["last_seen_us"]), reverse=True)
    return [entry_of(total, total) for total in ordered[:limit]]


def _rows(engine: Engine, user_id: int, window: Window, now: float) -> Any:  # noqa: ANN401 - rows of a few columns
    query = select(*_COLUMNS).where(_TABLE.user_id == user_id)
    if window is not Window.ALL:
        query = query.where(_TABLE.created_us >= bucket_starts(now, BUCKET_S[window])[0] * 1_000_000)
    query = query.order_by(_TABLE.created_us.desc(), _TABLE.id.desc()).limit(ROWS_LIMIT)
    with engine.connect() as connection:
        return connection.execute(query).all()
