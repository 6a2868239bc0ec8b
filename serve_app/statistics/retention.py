"""Deletion of expired classifications and buckets."""

import time
from dataclasses import dataclass

from sqlalchemy import Engine

from serve_app.statistics.counters import microseconds
from serve_app.statistics.deletion import delete_classifications, delete_gradually
from serve_app.statistics.tables import CounterKind, buckets, classifications
from serve_app.statistics.windows import BUCKET_S, bucket_starts


@dataclass(frozen=True, slots=True)
class Pruned:
    classifications: int
    buckets: int


def prune(engine: Engine, days: int | None, now: float | None = None) -> Pruned:
    """Delete classifications older than ``days`` (None: keep all) and buckets outside every window.

    Anonymous classifications stay in the all-time counters, those of users do not.
    """
    now = time.time() if now is None else now
    old = 0
    if days is not None:
        old = delete_classifications(engine, classifications.c.created_us < microseconds(now - days * 86_400), now)
    stale = sum(
        delete_gradually(
            engine,
            buckets,
            (buckets.c.kind == kind)
            & (buckets.c.bucket_s == bucket_s)
            & (buckets.c.start_s < bucket_starts(now, bucket_s)[0]),
        )
        for kind in CounterKind
        for bucket_s in BUCKET_S.values()
    )
    return Pruned(classifications=old, buckets=stale)
