"""The migrations create the tables that the code expects, on SQLite and MariaDB."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, inspect, text

from serve_app.database import schema
from serve_app.database.database_url import parse_database_url
from serve_app.database.engine import connect
from serve_app.statistics.record_writer import write_records
from tests.servers.mariadb import MariaDB
from tests.statistics.examples import example


@pytest.fixture
def url(empty_url: str) -> str:
    """A migrated database of its own, because these tests change the tables."""
    schema.upgrade(empty_url)
    return empty_url


def test_migrations_create_the_expected_tables(empty_url: str):
    engine = connect(empty_url)
    assert set(schema.current(engine).values()) == {None}
    schema.upgrade(empty_url)
    assert schema.current(engine) == schema.head()
    assert None not in schema.head().values()
    assert schema.differences(engine) == []
    engine.dispose()


def test_an_unexpected_column_is_a_difference(url: str):
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE counters ADD COLUMN surprise INTEGER"))
    assert schema.differences(engine) != []
    engine.dispose()


def test_downgrade_drops_all_tables_and_upgrade_recreates_them(url: str):
    for migrations in schema.MIGRATION_SETS:
        schema.downgrade(url, migrations, "base")
    engine = connect(url)
    ours = {table for migrations in schema.MIGRATION_SETS for table in migrations.metadata.tables}
    assert not set(inspect(engine).get_table_names()) & ours
    schema.upgrade(url)
    assert ours <= set(inspect(engine).get_table_names())
    engine.dispose()


def test_tables_of_other_applications_are_ignored(empty_url: str):
    engine = connect(empty_url)
    Table("visitors", MetaData(), Column("id", Integer, primary_key=True)).create(engine)
    schema.upgrade(empty_url)
    assert schema.differences(engine) == []
    for migrations in schema.MIGRATION_SETS:
        schema.downgrade(empty_url, migrations, "base")
    assert "visitors" in inspect(engine).get_table_names()
    engine.dispose()


def test_concurrent_upgrades_do_not_conflict(empty_url: str):
    script = "import sys; from serve_app.database import schema; schema.upgrade(sys.argv[1])"
    runs = [subprocess.Popen([sys.executable, "-c", script, empty_url], stderr=subprocess.PIPE) for _ in range(4)]
    outcomes = [(run.communicate(timeout=60)[1].decode(), run.returncode) for run in runs]
    assert [code for _, code in outcomes] == [0] * 4, outcomes
    engine = connect(empty_url)
    assert schema.current(engine) == schema.head()
    engine.dispose()


def test_tables_of_a_newer_version_are_left_unchanged(url: str):
    """The previous version must start after a rollback."""
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE statistics_version SET version_num = '9999'"))
        connection.execute(text("ALTER TABLE counters ADD COLUMN surprise INTEGER"))
    schema.upgrade(url)
    assert schema.current(engine) == {**schema.head(), "statistics": "9999"}
    assert "surprise" in {column["name"] for column in inspect(engine).get_columns("counters")}
    write_records(engine, [example(1)])
    engine.dispose()


def test_sqlite_runs_in_wal_mode_with_foreign_keys(sqlite_url: str):
    schema.upgrade(sqlite_url)
    engine = connect(sqlite_url)
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert connection.scalar(text("PRAGMA synchronous")) == 1
        assert connection.scalar(text("PRAGMA busy_timeout")) == 5000
    engine.dispose()


def test_a_folder_name_may_contain_a_percent_sign(tmp_path: Path):
    schema.upgrade(f"sqlite:///{tmp_path / '100%' / 'raylens.db'}")


@pytest.mark.parametrize("scheme", ["mysql", "mysql+pymysql", "mariadb", "mariadb+pymysql"])
def test_every_mysql_url_scheme_works(mariadb: MariaDB, scheme: str):
    url = scheme + mariadb.fresh_database().removeprefix("mysql+pymysql")
    schema.upgrade(url)
    engine = connect(url)
    assert schema.differences(engine) == []
    engine.dispose()


@pytest.mark.parametrize(
    "url", ["postgresql://user:topsecret@host/db", "user:topsecret@host", "mysql://u:topsecret@h:x/d"]
)
def test_errors_about_an_unsupported_url_omit_its_password(url: str):
    with pytest.raises(ValueError, match=r"sqlite|mysql") as raised:
        parse_database_url(url)
    assert "topsecret" not in str(raised.value)
    assert raised.value.__cause__ is None
