"""A database filled in bulk is equivalent to one written by the service: rows, counters, buckets, history."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect

from benchmarks.growth import counter_check
from benchmarks.growth.counter_check import CounterMismatch
from benchmarks.growth.fill_sql import USER_ID
from benchmarks.growth.filling import fill, size_bytes
from benchmarks.growth.reads import BATCHES, DEEP_PAGE, PAGE, TOPS, by_functions, middle, transaction
from benchmarks.growth.records import NotEmpty, database, kind, measure
from serve_app.database.engine import connect
from serve_app.secret_key import split_keys
from serve_app.statistics.history import History
from serve_app.statistics.retention import prune
from tests.statistics.examples import expected, rows, tallied

ROWS = 2000
NOW = time.time()
SECRET = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path_factory.mktemp('growth')}/filled.db"
    on_step: list[int] = []
    assert fill(url, ROWS, on_step.append, NOW) > 0
    assert on_step == [ROWS]
    engine = connect(url)
    yield engine
    engine.dispose()


def test_counters_match_the_rows(engine: Engine):
    """All counters, exactly; buckets for all windows."""
    totals, by_time = tallied(engine)
    wanted_totals, wanted_by_time = expected(engine)
    assert rows(engine) == ROWS
    assert totals == wanted_totals
    assert by_time.items() <= wanted_by_time.items()
    assert sum(tally[0] for (_, _, bucket_s, _), tally in by_time.items() if bucket_s == 50_400) == 2 * ROWS
    assert prune(engine, None, NOW).buckets == 0


def test_the_counter_check_succeeds(engine: Engine):
    counter_check.check(engine, ROWS, NOW)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM classifications WHERE id LIKE '%77'",
        "UPDATE counters SET count = count + 1 WHERE id = (SELECT MAX(id) FROM counters)",
        "UPDATE buckets SET count = count + 1 WHERE kind = 2 AND bucket_s = 7200",
        "UPDATE counters SET sum_us = sum_us * 2 WHERE kind = 0",
    ],
)
def test_the_counter_check_detects_differences(change: str, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/filled.db"
    fill(url, 500, lambda _: None, NOW)
    engine = connect(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(change)
    with pytest.raises(CounterMismatch):
        counter_check.check(engine, 500, NOW)
    engine.dispose()


def test_the_history_can_be_read_from_the_middle(engine: Engine):
    keys = split_keys(SECRET)
    history = History(engine, keys)
    assert sum(len(page) for page in history.pages(USER_ID)) == ROWS // 10
    deep = history.page(USER_ID, 100, middle(NOW, keys)).records
    assert len(deep) == ROWS // 20
    assert len(history.page(USER_ID, PAGE).records) == PAGE
    assert deep[0].predictions[0][0] == int(deep[0].label.removeprefix("label "))
    assert deep[0].timings_ms["total"] == deep[0].processing_ms


def test_reads_and_writes_are_timed(engine: Engine):
    before = rows(engine)
    found = by_functions(engine, SECRET, NOW)
    assert {*TOPS, DEEP_PAGE, *map(transaction, BATCHES)} <= set(found)
    assert all(0 < times.median <= times.p95 for times in found.values())
    assert rows(engine) == before + 55 * sum(BATCHES)
    assert size_bytes(engine) > ROWS * 400


def test_a_database_with_tables_is_not_modified(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/mine.db"
    engine = connect(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE precious (id INT)")
    with pytest.raises(NotEmpty, match="precious"):
        measure((10,), url, lambda _: None)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars().all() == ["precious"]
    engine.dispose()


def test_the_kind_of_database_is_reported():
    assert kind("") == "SQLite"
    assert "MariaDB" in kind("mysql://user:secret@nowhere.example/raylens")


@pytest.mark.chaos
def test_mariadb_accepts_the_same_statements_and_is_emptied(mariadb):
    engine = connect(mariadb.fresh_database())
    for _ in range(2):
        with database(engine.url.render_as_string(hide_password=False), "") as url:
            fill(url, ROWS, lambda _: None, NOW)
            counter_check.check(engine, ROWS, NOW)
            assert tallied(engine)[0] == expected(engine)[0]
            assert size_bytes(engine) > ROWS * 400
        assert inspect(engine).get_table_names() == []
    engine.dispose()
