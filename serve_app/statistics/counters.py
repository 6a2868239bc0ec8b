"""The counters of the Top 10, updated in the same transaction as the rows."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Dialect, Insert, Table, bindparam, case, select
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql import ColumnCollection

from serve_app.statistics.tables import CounterKind, buckets, counters
from serve_app.statistics.windows import BUCKET_S, bucket_start
from serve_app.types import Record

Row = dict[str, Any]
Rows = dict[tuple[Any, ...], Row]
"""Rows to write, by primary or unique key."""

_SAMPLE = ("url", "sha256", "label", "wnid")
_SELECT_IDS = select(counters.c.kind, counters.c.key, counters.c.id).where(
    counters.c.kind.in_(list(CounterKind)), counters.c.key.in_(bindparam("keys", expanding=True))
)


class Occurrence(NamedTuple):
    """The contribution of a record to one counter."""

    kind: int
    key: bytes
    took_us: int
    seen_us: int
    sample: Row


def microseconds(seconds: float) -> int:
    return round(seconds * 1e6)


def count(connection: Connection, records: Sequence[Record]) -> None:
    """Add new records to all of their counters, without committing.

    Rows are written in the order of their keys, which makes deadlocks rare.
    """
    occurrences = [occurrence for record in records for occurrence in _occurrences(record)]
    totals: Rows = {}
    for occurrence in occurrences:
        _add(totals, {"kind": occurrence.kind, "key": occurrence.key}, occurrence, occurrence.sample)
    _write(connection, counters, totals)

    found = connection.execute(_SELECT_IDS, {"keys": list({occurrence.key for occurrence in occurrences})})
    numbers = {(kind, key): number for kind, key, number in found}
    by_bucket: Rows = {}
    for occurrence in occurrences:
        for bucket_s in BUCKET_S.values():
            start_s = bucket_start(occurrence.seen_us // 1_000_000, bucket_s)
            counter_id = numbers[occurrence.kind, occurrence.key]
            key = {"bucket_s": bucket_s, "counter_id": counter_id, "start_s": start_s}
            _add(by_bucket, key, occurrence, {"kind": occurrence.kind})
    _write(connection, buckets, by_bucket)


def _occurrences(record: Record) -> tuple[Occurrence, Occurrence]:
    """Every record counts for its image and for its label."""
    times = (microseconds(record.processing_ms / 1e3), microseconds(record.created_at))
    label: Row = {"url": None, "sha256": None, "label": record.label, "wnid": record.wnid}
    image = {**label, "url": record.url, "sha256": record.sha256}
    image_key = bytes.fromhex(record.sha256) if record.url is None else sha256(record.url.encode()).digest()
    label_key = sha256((record.wnid or record.label).encode()).digest()
    return (
        Occurrence(int(CounterKind.UPLOAD if record.url is None else CounterKind.URL), image_key, *times, image),
        Occurrence(int(CounterKind.LABEL), label_key, *times, label),
    )


def _add(rows: Rows, key: Row, new: Occurrence, others: Row) -> None:
    row = rows.setdefault(tuple(key.values()), key)
    if row is key:
        row.update(others, count=1, sum_us=new.took_us, min_us=new.took_us, max_us=new.took_us)
        row["last_seen_us"] = new.seen_us
        return
    row["count"] += 1
    row["sum_us"] += new.took_us
    row["min_us"] = min(row["min_us"], new.took_us)
    row["max_us"] = max(row["max_us"], new.took_us)
    if new.seen_us >= row["last_seen_us"]:
        row.update(others, last_seen_us=new.seen_us)


def _write(connection: Connection, table: Table, rows: Rows) -> None:
    """Bypasses SQLAlchemy's type conversion, which these columns do not need; this halves the time."""
    statement, positions = _compiled(table, connection.dialect)
    ordered = [rows[key] for key in sorted(rows)]
    connection.exec_driver_sql(
        statement, [tuple([row[name] for name in positions]) for row in ordered] if positions else ordered
    )


@lru_cache
def _compiled(table: Table, dialect: Dialect) -> tuple[str, list[str]]:
    """The SQL of the upsert, and the columns of its positional parameters if the driver uses those."""
    columns = [column.name for column in table.c if column is not counters.c.id]
    compiled = _upsert(table, dialect.name).compile(dialect=dialect, column_keys=columns)
    return str(compiled), list(compiled.positiontup or ())


def _upsert(table: Table, dialect: str) -> Insert:
    """Insert a row, or add to the existing one. The sample columns are those of the latest record."""
    if dialect == "sqlite":
        into_sqlite = sqlite_insert(table)
        key = ["kind", "key"] if table is counters else list(table.primary_key)
        return into_sqlite.on_conflict_do_update(index_elements=key, set_=dict(_merge(table, into_sqlite.excluded)))
    into_mysql = mysql_insert(table)
    return into_mysql.on_duplicate_key_update(_merge(table, into_mysql.inserted))


def _merge(table: Table, new: ColumnCollection[str, ColumnElement[Any]]) -> list[tuple[str, ColumnElement[Any]]]:
    """The assignments. MySQL evaluates them in order and uses new values, so ``last_seen_us`` must be last."""
    old = table.c
    newer = new.last_seen_us >= old.last_seen_us
    return [
        *((name, case((newer, new[name]), else_=old[name])) for name in _SAMPLE if name in old),
        ("count", old["count"] + new["count"]),
        ("sum_us", old.sum_us + new.sum_us),
        ("min_us", case((new.min_us < old.min_us, new.min_us), else_=old.min_us)),
        ("max_us", case((new.max_us > old.max_us, new.max_us), else_=old.max_us)),
        ("last_seen_us", case((newer, new.last_seen_us), else_=old.last_seen_us)),
    ]
