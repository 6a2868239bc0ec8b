"""Drops what is kept no longer, a little at a time: no lock is held long enough for a request to notice."""

import time
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Delete, Engine, Table, delete, select, tuple_

from serve_app.database import writing
from serve_app.statistics.counters import microseconds
from serve_app.statistics.tables import Kind, buckets, classifications
from serve_app.statistics.windows import BUCKET_S, bucket_starts

CHUNK = 500
"""Rows a transaction."""
PAUSE_S = 0.01
"""Between two of them, so that recorders get their turn."""


@dataclass(frozen=True, slots=True)
class Pruned:
    classifications: int
    buckets: int


def prune(engine: Engine, days: int | None, now: float | None = None) -> Pruned:
    """Delete classifications older than ``days`` (None: keep all) and buckets no window reaches any more.

    The counters of all time stay.
    """
    now = time.time() if now is None else now
    old = 0
    if days is not None:
        old = _delete(engine, classifications, classifications.c.created_us < microseconds(now - days * 86_400))
    stale = sum(
        _delete(
            engine,
            buckets,
            (buckets.c.kind == kind)
            & (buckets.c.bucket_s == bucket_s)
            & (buckets.c.start_s < bucket_starts(now, bucket_s)[0]),
        )
        for kind in Kind
        for bucket_s in BUCKET_S.values()
    )
    return Pruned(classifications=old, buckets=stale)


def _delete(engine: Engine, table: Table, condition: ColumnElement[bool]) -> int:
    total = 0
    while True:
        with writing(engine) as connection:
            number = connection.execute(_some(engine, table, condition)).rowcount
        total += number
        if number < CHUNK:
            return total
        time.sleep(PAUSE_S)


def _some(engine: Engine, table: Table, condition: ColumnElement[bool]) -> Delete:
    """Delete at most ``CHUNK`` rows: MySQL has a LIMIT for it, SQLite takes the keys from a query of the same table."""
    if engine.dialect.name != "sqlite":
        return delete(table).where(condition).with_dialect_options(mysql_limit=CHUNK, mariadb_limit=CHUNK)
    key = tuple_(*table.primary_key)
    return delete(table).where(key.in_(select(*table.primary_key).where(condition).limit(CHUNK)))
