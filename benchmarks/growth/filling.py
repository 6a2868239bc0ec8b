"""Fills a database with millions of classifications in minutes, using SQL statements only.

Rows and counters are generated from the same data; ``counter_check`` verifies that they match.
"""

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Final

from sqlalchemy import Engine, PoolProxiedConnection

from benchmarks.growth import fill_sql
from serve_app.database.engine import connect
from serve_app.database.schema import upgrade
from serve_app.statistics.windows import BUCKET_S, Window, bucket_starts

CHUNK: Final = 100_000
STATEMENT_TIMEOUT_S: Final = 3600

UNSAFE_PRAGMAS: Final = ("PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-1000000")
"""For SQLite: durability does not matter while the database is filled."""

SESSION_SETTINGS: Final = ("SET SESSION sql_mode = 'PIPES_AS_CONCAT'",)
"""For MySQL and MariaDB, to accept the same SQL as SQLite."""

OnProgress = Callable[[int], None]
"""Called with the number of rows so far."""


def fill(url: str, rows: int, on_step: OnProgress, now_s: float | None = None) -> float:
    """Create the tables in an empty database, insert ``rows`` classifications, and return the seconds it took."""
    started, now_s = time.perf_counter(), time.time() if now_s is None else now_s
    upgrade(url)
    engine = connect(url, timeout_s=STATEMENT_TIMEOUT_S)
    is_sqlite = engine.dialect.name == "sqlite"
    try:
        connection = engine.raw_connection()
        if is_sqlite:
            _add_functions(connection)
        _run(connection, [*(UNSAFE_PRAGMAS if is_sqlite else SESSION_SETTINGS), *fill_sql.BEGIN])
        for first in range(0, rows, CHUNK):
            end = min(first + CHUNK, rows)
            numbered = fill_sql.numbered(first, end, rows, int(now_s * 1e6))
            _run(connection, [numbered, fill_sql.classifications(first, end)])
            on_step(end)
        _run(connection, _counting(now_s))
        analyze = "ANALYZE TABLE classifications, counters, buckets"
        _run(connection, [*fill_sql.END, "PRAGMA journal_mode=WAL" if is_sqlite else analyze])
        connection.close()
    finally:
        engine.dispose()
    return time.perf_counter() - started


def size_bytes(engine: Engine) -> int:
    """Disk space of all tables and indexes."""
    sqlite = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    mysql = "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
    with engine.connect() as connection:
        found = connection.exec_driver_sql(sqlite if engine.dialect.name == "sqlite" else mysql).scalar()
    return int(found or 0)


def _add_functions(connection: PoolProxiedConnection) -> None:
    """Define two functions of MySQL that SQLite lacks."""

    def sha2(text: str, _bits: int) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    driver = connection.driver_connection
    assert driver
    driver.create_function("SHA2", 2, sha2, deterministic=True)
    driver.create_function("UNHEX", 1, bytes.fromhex, deterministic=True)


def _counting(now_s: float) -> Iterable[str]:
    """Statements that fill buckets and counters. Weekly buckets cover all rows, so counters are summed from them."""
    week_s = BUCKET_S[Window.WEEK]
    yield fill_sql.first_buckets(week_s, bucket_starts(now_s, week_s)[0], "image")
    yield fill_sql.buckets_of_labels(week_s)
    for window in (Window.HOUR, Window.DAY):
        bucket_s = BUCKET_S[window]
        for subject in ("image", "label"):
            yield fill_sql.first_buckets(bucket_s, bucket_starts(now_s, bucket_s)[0], subject)
    for subject in ("image", "label"):
        yield fill_sql.counters(week_s, subject)


def _run(connection: PoolProxiedConnection, texts: Iterable[str]) -> None:
    """Execute each statement in its own transaction, without parameters, so that drivers do not parse placeholders."""
    cursor = connection.cursor()
    for text in texts:
        cursor.execute(text)
        connection.commit()
    cursor.close()
