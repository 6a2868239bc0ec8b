"""The Top 10: what was classified most, read from the counters."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, Row, Select, bindparam, func, select, union_all

from serve_app.statistics.tables import Kind, buckets, counters
from serve_app.statistics.windows import BUCKET_S, BUCKETS_A_WINDOW, Window, bucket_starts

DEPTH = 100
"""Of each bucket of time, the counters that can make it into a window's top."""


class By(StrEnum):
    IMAGE = "image"
    LABEL = "label"


KINDS = {By.IMAGE: (Kind.URL, Kind.UPLOAD), By.LABEL: (Kind.LABEL,)}


@dataclass(frozen=True, slots=True)
class TopRow:
    """An image or a label, and how often it was classified."""

    url: str | None
    """Of an image that was asked for by its URL."""
    sha256: str | None
    """Of an image's content, as seen last; None for a label."""
    label: str
    """Of an image, the most probable class it had last."""
    wnid: str
    count: int
    processing_avg_s: float
    processing_min_s: float
    processing_max_s: float
    last_seen: float
    """Unix seconds."""


def top(engine: Engine, by: By, window: Window, limit: int, now: float | None = None) -> list[TopRow]:
    """The most frequent images or labels, most frequent first, of equal ones the one seen last.

    ``all`` is exact. ``hour``, ``day`` and ``week`` reach up to 1/24 further back than their name, see
    :mod:`serve_app.statistics.windows`. Their counts are exact, too; who is in the list may not be: only what was among
    the ``DEPTH`` most frequent of at least one of the 25 buckets can be. What stays below that in every bucket loses to
    100 others there each time. The cost depends on ``DEPTH`` and ``limit``, not on how much was ever recorded.
    """
    kinds = KINDS[by]
    if window is Window.ALL:
        return _top_of_all(engine, kinds, limit)
    starts = bucket_starts(time.time() if now is None else now, BUCKET_S[window])
    places = {f"start_{number}": start for number, start in enumerate(starts)}
    with engine.connect() as connection:
        tallies = connection.execute(
            _top_of_window(kinds), {**places, "bucket_s": BUCKET_S[window], "oldest": starts[0], "limit": limit}
        ).all()
        wanted = select(counters).where(counters.c.id.in_([tally.counter_id for tally in tallies]))
        subjects = {subject.id: subject for subject in connection.execute(wanted)}
    return [_row(subjects[tally.counter_id], tally) for tally in tallies]


def report(engine: Engine, limit: int = 10) -> list[TopRow]:
    """The images most often asked for by their URL, since the beginning."""
    return _top_of_all(engine, (Kind.URL,), limit)


def _top_of_all(engine: Engine, kinds: Iterable[Kind], limit: int) -> list[TopRow]:
    """One walk along the index per kind, ``limit`` steps long."""
    order = counters.c["count"].desc(), counters.c.last_seen_us.desc()
    with engine.connect() as connection:
        rows = [
            row
            for kind in kinds
            for row in connection.execute(select(counters).where(counters.c.kind == kind).order_by(*order).limit(limit))
        ]
    rows.sort(key=lambda row: (row._mapping["count"], row.last_seen_us), reverse=True)
    return [_row(row, row) for row in rows[:limit]]


@lru_cache
def _top_of_window(kinds: tuple[Kind, ...]) -> Select[Any]:
    """Candidates from the head of each bucket, then the exact sums of those over the window."""
    heads = [
        select(buckets.c.counter_id)
        .where(
            buckets.c.kind == kind,
            buckets.c.bucket_s == bindparam("bucket_s"),
            buckets.c.start_s == bindparam(f"start_{number}"),
        )
        .order_by(buckets.c["count"].desc())
        .limit(DEPTH)
        .subquery()
        for kind in kinds
        for number in range(BUCKETS_A_WINDOW + 1)
    ]
    candidates = union_all(*(select(head.c.counter_id) for head in heads)).subquery()
    total, last_seen = func.sum(buckets.c["count"]).label("count"), func.max(buckets.c.last_seen_us)
    return (
        select(
            buckets.c.counter_id,
            total,
            func.sum(buckets.c.sum_us).label("sum_us"),
            func.min(buckets.c.min_us).label("min_us"),
            func.max(buckets.c.max_us).label("max_us"),
            last_seen.label("last_seen_us"),
        )
        .where(
            buckets.c.bucket_s == bindparam("bucket_s"),
            buckets.c.start_s >= bindparam("oldest"),
            buckets.c.counter_id.in_(select(candidates.c.counter_id)),
        )
        .group_by(buckets.c.counter_id)
        .order_by(total.desc(), last_seen.desc())
        .limit(bindparam("limit"))
    )


def _row(subject: Row[Any], tally: Row[Any]) -> TopRow:
    count = int(tally._mapping["count"])
    return TopRow(
        url=subject.url,
        sha256=subject.sha256,
        label=subject.label,
        wnid=subject.wnid,
        count=count,
        processing_avg_s=int(tally.sum_us) / count / 1e6,
        processing_min_s=tally.min_us / 1e6,
        processing_max_s=tally.max_us / 1e6,
        last_seen=tally.last_seen_us / 1e6,
    )
