"""The counters equal a GROUP BY of the rows, however the records are batched."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from serve_app.database.engine import connect
from serve_app.statistics.record_writer import write_records
from serve_app.statistics.tables import statistics_metadata
from serve_app.statistics.top import By, report, top
from serve_app.statistics.windows import Window
from serve_app.types import Record
from tests.servers.migrated import MigratedDatabases
from tests.statistics.examples import NOW, example, expected, tallied

RECORDS = st.builds(
    lambda number, seconds_ago, took_ms, subject: example(
        number,
        created_at=NOW - seconds_ago,
        processing_ms=took_ms,
        url=f"https://example.org/{subject}" if subject % 2 else None,
        sha256=f"{subject:064x}",
        wnid=f"n{subject % 3}",
    ),
    st.integers(0, 60),
    st.floats(0, 40_000).map(lambda seconds: round(seconds, 6)),
    st.floats(0, 1e6).map(lambda milliseconds: round(milliseconds, 3)),
    st.integers(0, 5),
)


def _empty(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in statistics_metadata.tables.values():
            connection.execute(table.delete())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(RECORDS, max_size=12), max_size=5))
def test_counters_equal_the_rows(engine: Engine, batches: list[list[Record]]):
    _empty(engine)
    new = sum(write_records(engine, batch) for batch in batches)
    assert new == len({record.id for batch in batches for record in batch})
    assert tallied(engine) == expected(engine)


def test_the_sample_is_that_of_the_latest_record_in_any_order(engine: Engine):
    later = example(2, url="https://example.org/", label="later", wnid="n2", created_at=NOW, sha256="b" * 64)
    earlier = example(1, url="https://example.org/", label="earlier", wnid="n1", created_at=NOW - 1, sha256="a" * 64)
    write_records(engine, [later])
    write_records(engine, [earlier])
    (row,) = report(engine)
    assert (row.label, row.wnid, row.sha256, row.last_seen, row.count) == ("later", "n2", "b" * 64, NOW, 2)


def test_labels_of_one_name_are_distinguished_by_their_wnid(engine: Engine):
    write_records(engine, [example(1, label="crane", wnid="n02012849"), example(2, label="crane", wnid="n03126707")])
    assert [(row.label, row.count) for row in top(engine, By.LABEL, Window.ALL, 10)] == [("crane", 1), ("crane", 1)]


def test_labels_without_a_wnid_count_by_name(engine: Engine):
    write_records(engine, [example(n, label=f"scratch {n % 2}", wnid="") for n in range(5)])
    assert [(row.label, row.count) for row in top(engine, By.LABEL, Window.ALL, 10)] == [
        ("scratch 0", 3),
        ("scratch 1", 2),
    ]


def test_long_urls_that_differ_at_the_end_are_two_images(engine: Engine):
    write_records(engine, [example(n, url="https://example.org/" + "x" * 4000 + str(n)) for n in range(2)])
    assert [row.count for row in report(engine)] == [1, 1]


def test_rows_and_counters_are_written_in_one_transaction(engine: Engine):
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE buckets"))
    with pytest.raises(Exception, match="buckets"):
        write_records(engine, [example(1)])
    with engine.connect() as connection:
        for table in ("classifications", "counters"):
            assert connection.scalar(text(f"SELECT COUNT(*) FROM {table}")) == 0


def test_mysql_writes_each_table_of_a_batch_in_one_statement(migrated_databases: MigratedDatabases):
    """Row by row, a batch would take about a hundred round trips."""
    engine = connect(migrated_databases.take())
    write_records(engine, [example(0)])
    question = text("SHOW SESSION STATUS LIKE 'Questions'")
    with engine.connect() as connection:
        before = int(connection.execute(question).one()[1])
    write_records(engine, [example(n, url=f"https://example.org/{n}") for n in range(1, 33)])
    with engine.connect() as connection:
        after = int(connection.execute(question).one()[1])
    assert after - before < 20
    engine.dispose()


def test_the_size_of_batches_does_not_change_the_top(sqlite_template: Path):
    records = [example(n) for n in range(50)]
    tops = []
    for size in (1, 7, 50):
        with tempfile.TemporaryDirectory() as folder:
            engine = connect(f"sqlite:///{shutil.copy(sqlite_template, folder)}")
            for start in range(0, 50, size):
                write_records(engine, records[start : start + size])
            tops.append([top(engine, by, window, 100, NOW) for by in By for window in Window])
            engine.dispose()
    assert tops[0] == tops[1] == tops[2]
