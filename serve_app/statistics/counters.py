"""The counters of the Top 10, updated in the same transaction as the rows."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Connection, Insert, Select, Table, bindparam, case, select
from sqlalchemy import Row as DatabaseRow
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql import ColumnCollection

from auth.driver_cursor import DriverCursor, padded, placeholders
from serve_app.statistics.tables import CounterKind, buckets, counter_users, counters
from serve_app.statistics.visibility import may_be_public, publish, with_enough_users, withdraw
from serve_app.statistics.windows import BUCKET_S, bucket_start, bucket_starts
from serve_app.types import Record

Row = dict[str, Any]
Rows = dict[tuple[Any, ...], Row]
"""Rows to write, by primary or unique key."""

_SAMPLE = ("url", "sha256", "label", "wnid")
_LARGEST: Final = 2**63 - 1


class Occurrence(NamedTuple):
    """The contribution of a record to one counter."""

    kind: int
    key: bytes
    took_us: int
    seen_us: int
    user_id: int | None
    sample: Row


class _State(NamedTuple):
    id: int
    anonymous: bool
    public: bool


_States = dict[tuple[int, bytes], _State]


def microseconds(seconds: float) -> int:
    return round(seconds * 1e6)


def count(connection: Connection, records: Sequence[Record]) -> None:
    """Add new records to all of their counters, without committing.

    Rows are written in the order of their keys, which makes deadlocks rare.
    """
    occurrences = [occurrence for record in records for occurrence in _of_record(record)]
    totals: Rows = {}
    for occurrence in occurrences:
        row = _add(totals, {"kind": occurrence.kind, "key": occurrence.key}, occurrence, occurrence.sample)
        row["public"] = row["anonymous"] = row.get("anonymous", False) or _is_anonymous(occurrence)
    cursor = DriverCursor(connection)
    _write(cursor, counters, totals)

    states = _states(cursor, occurrences)
    _count_users(cursor, occurrences, states, 1)
    published = _publish(connection, states)
    by_bucket: Rows = {}
    for occurrence in occurrences:
        state = states[occurrence.kind, occurrence.key]
        others = {"kind": occurrence.kind, "public": state.public or state.id in published}
        for bucket_s in BUCKET_S.values():
            _add(by_bucket, _bucket(occurrence, state.id, bucket_s), occurrence, others)
    _write(cursor, buckets, by_bucket)


def subtract(connection: Connection, rows: Iterable[DatabaseRow[Any]], now_s: float) -> None:
    """Remove rows of users from all of their counters, without committing.

    Minimum and maximum remain; a counter that counts nothing anymore is deleted.
    """
    occurrences = [occurrence for row in rows for occurrence in _of_row(row)]
    if not occurrences:
        return
    totals: Rows = {}
    for occurrence in occurrences:
        others = occurrence.sample | {"anonymous": False, "public": False}
        _remove(totals, {"kind": occurrence.kind, "key": occurrence.key}, occurrence, others)
    cursor = DriverCursor(connection)
    _write(cursor, counters, totals)

    states = _states(cursor, occurrences)
    _count_users(cursor, occurrences, states, -1)
    by_bucket: Rows = {}
    for occurrence in occurrences:
        for bucket_s in BUCKET_S.values():
            key = _bucket(occurrence, states[occurrence.kind, occurrence.key].id, bucket_s)
            if key["start_s"] >= bucket_starts(now_s, bucket_s)[0]:
                _remove(by_bucket, key, occurrence, {"kind": occurrence.kind, "public": False})
    if by_bucket:
        _write(cursor, buckets, by_bucket)
    withdraw(connection, [state.id for state in states.values()])


def _of_row(row: DatabaseRow[Any]) -> Iterator[Occurrence]:
    return _occurrences(row, microseconds(row.processing_ms / 1e3), row.created_us)


def _of_record(record: Record) -> Iterator[Occurrence]:
    return _occurrences(record, microseconds(record.processing_ms / 1e3), microseconds(record.created_at))


def _occurrences(subject: Record | DatabaseRow[Any], took_us: int, seen_us: int) -> Iterator[Occurrence]:
    """Every record counts for its label, and for its image unless its URL may be secret."""
    label, wnid, url, user_id = subject.label, subject.wnid, subject.url, subject.user_id
    sample: Row = {"url": None, "sha256": None, "label": label, "wnid": wnid}
    yield Occurrence(
        int(CounterKind.LABEL), sha256((wnid or label).encode()).digest(), took_us, seen_us, user_id, sample
    )
    if url is None:
        kind, key = CounterKind.UPLOAD, bytes.fromhex(subject.sha256)
    elif may_be_public(url):
        kind, key = CounterKind.URL, sha256(url.encode()).digest()
    else:
        return
    yield Occurrence(int(kind), key, took_us, seen_us, user_id, sample | {"url": url, "sha256": subject.sha256})


def _is_anonymous(occurrence: Occurrence) -> bool:
    return occurrence.user_id is None or occurrence.kind == CounterKind.LABEL


def _bucket(occurrence: Occurrence, counter_id: int, bucket_s: int) -> Row:
    start_s = bucket_start(occurrence.seen_us // 1_000_000, bucket_s)
    return {"bucket_s": bucket_s, "counter_id": counter_id, "start_s": start_s}


def _states(cursor: DriverCursor, occurrences: Sequence[Occurrence]) -> _States:
    keys = padded("key", {occurrence.key for occurrence in occurrences})
    return {(kind, key): _State(*state) for kind, key, *state in cursor.rows(_select_states(len(keys)), keys)}


@lru_cache
def _select_states(size: int) -> Select[Any]:
    state = counters.c.kind, counters.c.key, counters.c.id, counters.c.anonymous, counters.c.public
    return select(*state).where(counters.c.kind.in_(list(CounterKind)), counters.c.key.in_(placeholders("key", size)))


def _count_users(cursor: DriverCursor, occurrences: Sequence[Occurrence], states: _States, change: int) -> None:
    rows: Rows = {}
    for occurrence in occurrences:
        if not _is_anonymous(occurrence):
            key = {"counter_id": states[occurrence.kind, occurrence.key].id, "user_id": occurrence.user_id}
            row = rows.setdefault(tuple(key.values()), key)
            row["count"] = row.get("count", 0) + change
    if rows:
        _write(cursor, counter_users, rows)


def _publish(connection: Connection, states: _States) -> set[int]:
    """Publish the counters that everyone may see from now on. Returns their ids."""
    hidden = [state for state in states.values() if not state.public]
    ids = {state.id for state in hidden if state.anonymous}
    ids |= with_enough_users(connection, [state.id for state in hidden if not state.anonymous])
    publish(connection, ids)
    return ids


def _add(rows: Rows, key: Row, new: Occurrence, others: Row) -> Row:
    """Add an occurrence to the row of its key, which has the ``others`` of the latest one. Returns the row."""
    row = rows.setdefault(tuple(key.values()), key)
    if row is key:
        row.update(others, count=1, sum_us=new.took_us, min_us=new.took_us, max_us=new.took_us)
        row["last_seen_us"] = new.seen_us
        return row
    row["count"] += 1
    row["sum_us"] += new.took_us
    row["min_us"] = min(row["min_us"], new.took_us)
    row["max_us"] = max(row["max_us"], new.took_us)
    if new.seen_us >= row["last_seen_us"]:
        row.update(others, last_seen_us=new.seen_us)
    return row


def _remove(rows: Rows, key: Row, old: Occurrence, others: Row) -> None:
    """Like :func:`_add` with a negative count, and with values that neither change the extremes nor the sample."""
    row = rows.setdefault(tuple(key.values()), key)
    if row is key:
        row.update(others, count=0, sum_us=0, min_us=_LARGEST, max_us=-1, last_seen_us=-1)
    row["count"] -= 1
    row["sum_us"] -= old.took_us


def _write(cursor: DriverCursor, table: Table, rows: Rows) -> None:
    cursor.write(_upsert(table, cursor.dialect_name), [rows[key] for key in sorted(rows)])


@lru_cache
def _upsert(table: Table, dialect: str) -> Insert:
    """Insert a row, or add to the existing one. The sample columns are those of the latest record."""
    merge = _merge_users if table is counter_users else _merge
    columns = [column.name for column in table.c if column is not counters.c.id]
    values: dict[str, BindParameter[Any]] = {name: bindparam(name, required=False) for name in columns}
    if dialect == "sqlite":
        into_sqlite = sqlite_insert(table).values(values)
        key = ["kind", "key"] if table is counters else list(table.primary_key)
        return into_sqlite.on_conflict_do_update(index_elements=key, set_=dict(merge(table, into_sqlite.excluded)))
    into_mysql = mysql_insert(table).values(values)
    return into_mysql.on_duplicate_key_update(merge(table, into_mysql.inserted))


def _merge(table: Table, new: ColumnCollection[str, ColumnElement[Any]]) -> list[tuple[str, ColumnElement[Any]]]:
    """The assignments. MySQL evaluates them in order and uses new values, so ``last_seen_us`` must be last."""
    old = table.c
    newer = new.last_seen_us >= old.last_seen_us
    return [
        *((name, case((newer, new[name]), else_=old[name])) for name in _SAMPLE if name in old),
        *(("anonymous", old.anonymous | new.anonymous) for _ in range("anonymous" in old)),
        *_merge_users(table, new),
        ("sum_us", old.sum_us + new.sum_us),
        ("min_us", case((new.min_us < old.min_us, new.min_us), else_=old.min_us)),
        ("max_us", case((new.max_us > old.max_us, new.max_us), else_=old.max_us)),
        ("last_seen_us", case((newer, new.last_seen_us), else_=old.last_seen_us)),
    ]


def _merge_users(table: Table, new: ColumnCollection[str, ColumnElement[Any]]) -> list[tuple[str, ColumnElement[Any]]]:
    return [("count", table.c["count"] + new["count"])]
