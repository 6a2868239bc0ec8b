"""The Top 10: what was classified most, read from the counters."""

import time
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Engine, Row, Select, bindparam, func, select, union_all

from serve_app.statistics.tables import Kind, buckets, counters
from serve_app.statistics.windows import BUCKET_S, BUCKETS_A_WINDOW, Window, bucket_starts

DEPTH = 50
"""Counters looked at in each bucket of time, the most frequent there."""
CANDIDATES = 5
"""Of those, the number summed exactly for each row wanted."""


class By(StrEnum):
    IMAGE = "image"
    LABEL = "label"


Kinds = tuple[Kind, ...]
KINDS: dict[By, Kinds] = {By.IMAGE: (Kind.URL, Kind.UPLOAD), By.LABEL: (Kind.LABEL,)}


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

    ``all`` is exact. ``hour``, ``day`` and ``week`` reach up to 1/12 further back than their name, see
    :mod:`serve_app.statistics.windows`. The counts they tell are exact; who is told of may not be: that is chosen by
    the places among the first ``DEPTH`` of the 13 buckets of the window. What is never among them has, in each bucket,
    ``DEPTH`` others before it. The cost depends on ``DEPTH`` and ``limit``, not on how much was ever recorded.
    """
    kinds = KINDS[by]
    if window is Window.ALL:
        return _top_of_all(engine, kinds, limit)
    starts = bucket_starts(time.time() if now is None else now, BUCKET_S[window])
    with engine.connect() as connection:
        candidates = _candidates(connection, kinds, BUCKET_S[window], starts, limit)
        tallies = connection.execute(_sums(BUCKET_S[window], starts[0], candidates).limit(limit)).all()
        wanted = select(counters).where(counters.c.id.in_([tally.counter_id for tally in tallies]))
        subjects = {subject.id: subject for subject in connection.execute(wanted)}
    return [_row(subjects[tally.counter_id], tally) for tally in tallies]


def report(engine: Engine, limit: int = 10) -> list[TopRow]:
    """The images most often asked for by their URL, since the beginning."""
    return _top_of_all(engine, (Kind.URL,), limit)


def _top_of_all(engine: Engine, kinds: Kinds, limit: int) -> list[TopRow]:
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


def _candidates(connection: Connection, kinds: Kinds, bucket_s: int, starts: list[int], limit: int) -> list[int]:
    """The counters whose places at the heads of the buckets add up to the most."""
    places = {f"start_{number}": start for number, start in enumerate(starts)}
    heads = connection.execute(_heads(kinds), {**places, "bucket_s": bucket_s, "depth": max(DEPTH, limit)})
    seen: Counter[int] = Counter()
    for counter_id, count in heads:
        seen[counter_id] += count
    return [counter_id for counter_id, _ in seen.most_common(CANDIDATES * limit)]


@lru_cache
def _heads(kinds: Kinds) -> CompoundSelect[int, int]:
    """The most frequent counters of each bucket, a few steps along the index each, in one statement."""
    heads = [
        select(buckets.c.counter_id, buckets.c["count"])
        .where(
            buckets.c.kind == kind,
            buckets.c.bucket_s == bindparam("bucket_s"),
            buckets.c.start_s == bindparam(f"start_{number}"),
        )
        .order_by(buckets.c["count"].desc())
        .limit(bindparam("depth"))
        .subquery()
        for kind in kinds
        for number in range(BUCKETS_A_WINDOW + 1)
    ]
    return union_all(*(select(head.c.counter_id, head.c["count"]) for head in heads))


def _sums(bucket_s: int, oldest: int, candidates: list[int]) -> Select[Any]:
    """Exact tallies of the candidates over the window. As a list they are looked up by key on every database."""
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
            buckets.c.bucket_s == bucket_s, buckets.c.counter_id.in_(sorted(candidates)), buckets.c.start_s >= oldest
        )
        .group_by(buckets.c.counter_id)
        .order_by(total.desc(), last_seen.desc())
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
