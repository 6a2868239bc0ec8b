"""A user's own Top 10, computed from their history: what they delete disappears at once."""

import time
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Engine, select

from serve_app.statistics.counters import microseconds
from serve_app.statistics.tables import classifications
from serve_app.statistics.top import By, TopEntry, entry_of
from serve_app.statistics.windows import BUCKET_S, Window, bucket_starts

ROWS_LIMIT: Final = 10_000
"""Classifications read at most, the newest ones."""

_Row = tuple[Any, ...]
_TABLE = classifications.c
_COLUMNS: Final = tuple(_TABLE[name] for name in ("url", "sha256", "label", "wnid", "processing_ms", "created_us"))


def own_top(
    engine: Engine, user_id: int, by: By, window: Window, limit: int, *, now: float | None = None
) -> list[TopEntry]:
    """The images, whatever their URL, or labels that a user classified most often, in descending order.

    Counts the user's last ``ROWS_LIMIT`` classifications of the window, which is as long as in the public Top 10.
    """
    rows = _rows(engine, user_id, window, time.time() if now is None else now)
    tallies = _tally_labels(rows) if by is By.LABEL else _tally_images(rows)
    # The rows are the newest first, and sorting keeps the order of what is equal.
    ordered = sorted(tallies, key=lambda tally: tally["count"], reverse=True)
    return [entry_of(tally, tally) for tally in ordered[:limit]]


def _rows(engine: Engine, user_id: int, window: Window, now: float) -> Sequence[_Row]:
    """Newest first."""
    query = select(*_COLUMNS).where(_TABLE.user_id == user_id)
    if window is not Window.ALL:
        query = query.where(_TABLE.created_us >= bucket_starts(now, BUCKET_S[window])[0] * 1_000_000)
    query = query.order_by(_TABLE.created_us.desc(), _TABLE.id.desc()).limit(ROWS_LIMIT)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def _tally_images(rows: Sequence[_Row]) -> list[dict[str, Any]]:
    """By URL, or by content for uploads."""
    tallies: dict[tuple[str | None, str], dict[str, Any]] = {}
    for url, sha256, label, wnid, processing_ms, created_us in rows:
        subject = {"url": url, "sha256": sha256, "label": label, "wnid": wnid, "last_seen_us": created_us}
        _add(tallies.setdefault((url, "" if url else sha256), subject), microseconds(processing_ms / 1e3))
    return list(tallies.values())


def _tally_labels(rows: Sequence[_Row]) -> list[dict[str, Any]]:
    """By wnid, or by name for classes without one."""
    tallies: dict[str, dict[str, Any]] = {}
    for _, _, label, wnid, processing_ms, created_us in rows:
        subject = {"url": None, "sha256": None, "label": label, "wnid": wnid, "last_seen_us": created_us}
        _add(tallies.setdefault(wnid or label, subject), microseconds(processing_ms / 1e3))
    return list(tallies.values())


def _add(tally: dict[str, Any], took_us: int) -> None:
    tally["count"] = tally.get("count", 0) + 1
    tally["sum_us"] = tally.get("sum_us", 0) + took_us
    tally["min_us"] = min(tally.get("min_us", took_us), took_us)
    tally["max_us"] = max(tally.get("max_us", took_us), took_us)
