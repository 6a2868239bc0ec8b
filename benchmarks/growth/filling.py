"""Makes a database with millions of classifications in minutes, by the database's own means.

The counters are summed from the same numbers that the rows are made of; ``agreement`` holds them against the rows.
"""

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Final

from sqlalchemy import Engine, PoolProxiedConnection

from benchmarks.growth import statements
from serve_app.database.engine import connect
from serve_app.database.schema import upgrade
from serve_app.statistics.windows import BUCKET_S, Window, bucket_starts

CHUNK: Final = 100_000
PATIENCE_S: Final = 3600
"""A statement may take as long."""

CARELESS: Final = ("PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-1000000")
"""For SQLite: a database that is lost with its machine's power is simply made again."""

SAME_SQL: Final = ("SET SESSION sql_mode = 'PIPES_AS_CONCAT'",)
"""For MySQL and MariaDB."""

Heard = Callable[[int], None]
"""Told how many rows there are."""


def fill(url: str, rows: int, heard: Heard, now_s: float | None = None) -> float:
    """Make the tables in an empty database and ``rows`` classifications in them; the seconds it took.

    What SQLAlchemy and its drivers raise is passed on.
    """
    started, now_s = time.perf_counter(), time.time() if now_s is None else now_s
    upgrade(url)
    engine = connect(url, timeout_s=PATIENCE_S)
    is_sqlite = engine.dialect.name == "sqlite"
    try:
        connection = engine.raw_connection()
        if is_sqlite:
            _teach(connection)
        _run(connection, [*(CARELESS if is_sqlite else SAME_SQL), *statements.BEGIN])
        for first in range(0, rows, CHUNK):
            end = min(first + CHUNK, rows)
            numbered = statements.numbered(first, end, rows, int(now_s * 1e6))
            _run(connection, [numbered, statements.classifications(first, end)])
            heard(end)
        _run(connection, _counting(now_s))
        analyze = "ANALYZE TABLE classifications, counters, buckets"
        _run(connection, [*statements.END, "PRAGMA journal_mode=WAL" if is_sqlite else analyze])
        connection.close()
    finally:
        engine.dispose()
    return time.perf_counter() - started


def size_bytes(engine: Engine) -> int:
    """What the tables and their indexes take of the disk."""
    sqlite = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    mysql = "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
    with engine.connect() as connection:
        found = connection.exec_driver_sql(sqlite if engine.dialect.name == "sqlite" else mysql).scalar()
    return int(found or 0)


def _teach(connection: PoolProxiedConnection) -> None:
    """SQLite lacks two functions that MySQL has."""

    def sha2(text: str, _bits: int) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    driver = connection.driver_connection
    assert driver
    driver.create_function("SHA2", 2, sha2, deterministic=True)
    driver.create_function("UNHEX", 1, bytes.fromhex, deterministic=True)


def _counting(now_s: float) -> Iterable[str]:
    """AllowanceStore of a week hold every classification, so the counters follow from them."""
    week_s = BUCKET_S[Window.WEEK]
    yield statements.first_buckets(week_s, bucket_starts(now_s, week_s)[0], "image")
    yield statements.buckets_of_labels(week_s)
    for window in (Window.HOUR, Window.DAY):
        bucket_s = BUCKET_S[window]
        for subject in ("image", "label"):
            yield statements.first_buckets(bucket_s, bucket_starts(now_s, bucket_s)[0], subject)
    for subject in ("image", "label"):
        yield statements.counters(week_s, subject)


def _run(connection: PoolProxiedConnection, texts: Iterable[str]) -> None:
    """Each in a transaction of its own; without values, so that no driver looks for places in the text."""
    cursor = connection.cursor()
    for text in texts:
        cursor.execute(text)
        connection.commit()
    cursor.close()
