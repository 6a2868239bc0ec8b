"""The public Top 10: the most frequently classified images and labels, from the counters."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Engine, RowMapping, Select, bindparam, func, select, union_all

from serve_app.statistics.tables import CounterKind, buckets, counters
from serve_app.statistics.windows import BUCKET_S, BUCKETS_PER_WINDOW, Window, bucket_starts

_DEPTH = 50
"""Most frequent counters read from each bucket."""
_CANDIDATES = 5
"""Counters summed exactly, per requested row."""


class By(StrEnum):
    IMAGE = "image"
    LABEL = "label"


Kinds = tuple[CounterKind, ...]
_Mapping = Mapping[str, Any] | RowMapping
_KINDS: dict[By, Kinds] = {By.IMAGE: (CounterKind.URL, CounterKind.UPLOAD), By.LABEL: (CounterKind.LABEL,)}


@dataclass(frozen=True, slots=True)
class TopEntry:
    """The tallies of an image or a label."""

    url: str | None
    """The URL of the image; None for uploads and labels."""
    sha256: str | None
    """The latest content of the image; None for a label."""
    label: str
    """For an image, its latest top-1 class."""
    wnid: str
    count: int
    processing_avg_s: float
    processing_min_s: float
    processing_max_s: float
    last_seen: float
    """Unix seconds."""


def top(engine: Engine, by: By, window: Window, limit: int, now: float | None = None) -> list[TopEntry]:
    """The most frequent public images, or labels, in descending order; ties are ordered by the latest occurrence.

    ``all`` is exact. ``hour``, ``day`` and ``week`` cover up to 1/12 more than their name, see
    :mod:`serve_app.statistics.windows`. Their counts are exact, but the selection is approximate: candidates are the
    ``_DEPTH`` most frequent counters of each of the 13 buckets. The cost depends on ``_DEPTH`` and ``limit``, not on
    the number of records.
    """
    kinds = _KINDS[by]
    if window is Window.ALL:
        return _top_of_all(engine, kinds, limit)
    starts = bucket_starts(time.time() if now is None else now, BUCKET_S[window])
    with engine.connect() as connection:
        candidates = _candidates(connection, kinds, BUCKET_S[window], starts, limit)
        tallies = connection.execute(_sums(BUCKET_S[window], starts[0], candidates).limit(limit)).all()
        wanted = select(counters).where(counters.c.id.in_([tally.counter_id for tally in tallies]))
        subjects = {subject.id: subject for subject in connection.execute(wanted)}
    return [entry_of(subjects[tally.counter_id]._mapping, tally._mapping) for tally in tallies]


def report(engine: Engine, limit: int = 10) -> list[TopEntry]:
    """The public images most often requested by URL, of all time."""
    return _top_of_all(engine, (CounterKind.URL,), limit)


def _top_of_all(engine: Engine, kinds: Kinds, limit: int) -> list[TopEntry]:
    """Reads ``limit`` index entries per kind."""
    order = counters.c["count"].desc(), counters.c.last_seen_us.desc()
    with engine.connect() as connection:
        rows = [
            row
            for kind in kinds
            for row in connection.execute(
                select(counters).where(counters.c.kind == kind, counters.c.public).order_by(*order).limit(limit)
            )
        ]
    rows.sort(key=lambda row: (row._mapping["count"], row.last_seen_us), reverse=True)
    return [entry_of(row._mapping, row._mapping) for row in rows[:limit]]


def _candidates(connection: Connection, kinds: Kinds, bucket_s: int, starts: list[int], limit: int) -> list[int]:
    """The counters with the largest sums over the heads of the buckets."""
    parameters = {f"start_{number}": start for number, start in enumerate(starts)}
    heads = connection.execute(_heads(kinds), {**parameters, "bucket_s": bucket_s, "depth": max(_DEPTH, limit)})
    seen: Counter[int] = Counter()
    for counter_id, count in heads:
        seen[counter_id] += count
    return [counter_id for counter_id, _ in seen.most_common(_CANDIDATES * limit)]


@lru_cache
def _heads(kinds: Kinds) -> CompoundSelect[int, int]:
    """The most frequent counters of each bucket, as a few index reads per bucket in one statement."""
    heads = [
        select(buckets.c.counter_id, buckets.c["count"])
        .where(
            buckets.c.kind == kind,
            buckets.c.bucket_s == bindparam("bucket_s"),
            buckets.c.start_s == bindparam(f"start_{number}"),
            buckets.c.public,
        )
        .order_by(buckets.c["count"].desc())
        .limit(bindparam("depth"))
        .subquery()
        for kind in kinds
        for number in range(BUCKETS_PER_WINDOW + 1)
    ]
    return union_all(*(select(head.c.counter_id, head.c["count"]) for head in heads))


def _sums(bucket_s: int, oldest: int, candidates: list[int]) -> Select[Any]:
    """Exact tallies of the candidates over the window. A list of ids makes every database use the primary key."""
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


def entry_of(subject: _Mapping, tally: _Mapping) -> TopEntry:
    """The entry of a counter, given its row and the tallies of its window."""
    count = int(tally["count"])
    return TopEntry(
        url=subject["url"],
        sha256=subject["sha256"],
        label=subject["label"],
        wnid=subject["wnid"],
        count=count,
        processing_avg_s=int(tally["sum_us"]) / count / 1e6,
        processing_min_s=tally["min_us"] / 1e6,
        processing_max_s=tally["max_us"] / 1e6,
        last_seen=tally["last_seen_us"] / 1e6,
    )
