"""Verifies that the counters of a filled database match its rows."""

from typing import Any

from sqlalchemy import Engine

from serve_app.statistics.tables import CounterKind
from serve_app.statistics.top import report
from serve_app.statistics.windows import BUCKET_S, bucket_starts


class CounterMismatch(RuntimeError):
    """Counters and rows differ; the message says where."""


def check(engine: Engine, rows: int, now_s: float) -> None:
    """Recount the rows: in total, for each window, and for each image of the Top 10.

    Raises CounterMismatch.
    """
    _expect("rows", _count(engine, "SELECT COUNT(*) FROM classifications"), rows)
    for name, kinds in (("images", (CounterKind.URL, CounterKind.UPLOAD)), ("labels", (CounterKind.LABEL,))):
        of_kind = f"kind IN ({', '.join(str(int(kind)) for kind in kinds)})"
        _expect(f"counters of {name}", _count(engine, f"SELECT SUM(count) FROM counters WHERE {of_kind}"), rows)
        for window, bucket_s in BUCKET_S.items():
            start_s = bucket_starts(now_s, bucket_s)[0]
            counted = f"SELECT SUM(count) FROM buckets WHERE {of_kind} AND bucket_s = {bucket_s}"
            there = f"SELECT COUNT(*) FROM classifications WHERE created_us >= {start_s * 1_000_000}"
            _expect(f"buckets of {name}, {window}", _count(engine, counted), _count(engine, there))
    _check_top(engine)


def _check_top(engine: Engine) -> None:
    counted = {row.url or "": (row.count, round(row.processing_avg_s, 6)) for row in report(engine)}
    urls = ", ".join(f"'{url}'" for url in counted)
    by_url = (
        "SELECT url, COUNT(*), ROUND(AVG(processing_ms) / 1000, 6) FROM classifications "
        f"WHERE url IN ({urls}) GROUP BY url"
    )
    with engine.connect() as connection:
        there = {url: (count, float(mean_s)) for url, count, mean_s in connection.exec_driver_sql(by_url)}
    _expect("Top 10", counted, there)


def _count(engine: Engine, query: str) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(query).scalar() or 0)


def _expect(what: str, counted: Any, there: Any) -> None:  # noqa: ANN401 - numbers, or some by name
    if counted != there:
        raise CounterMismatch(f"{what}: the counters say {counted}, the rows {there}")
