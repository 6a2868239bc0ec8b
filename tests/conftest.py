"""Fixtures for all tests: private servers, started on first use, and databases.

Tests that take ``url`` or ``engine`` run on SQLite and on MariaDB. The database is migrated once per run; every test
gets a copy.
"""

import contextlib
import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine

from serve_app.database import schema
from serve_app.database.engine import connect
from tests.servers.made_once import made_once, shared_folder
from tests.servers.mariadb import MariaDB
from tests.servers.migrated import MigratedDatabases, make_data_folder
from tests.servers.redis import Redis
from tests.source_files import ROOT

# Tests must not depend on the settings of whoever runs them, nor use their services.
for variable in list(os.environ):
    if variable.startswith(("RAYLENS_", "RAY_", "OTEL_")) and variable != "RAYLENS_CRDS":
        del os.environ[variable]
# Commands that tests start find ``tests`` from any folder, and no packages of another Python.
os.environ["PYTHONPATH"] = str(ROOT)
# The output of commands must not depend on the terminal.
os.environ["COLUMNS"] = "120"
os.environ["TERM"] = "xterm"
for variable in ("FORCE_COLOR", "CLICOLOR_FORCE", "NO_COLOR", "TTY_COMPATIBLE"):
    os.environ.pop(variable, None)
# Nor must their servers be asked through a proxy.
for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "grpc_proxy", "no_grpc_proxy"):
    os.environ.pop(variable, None)
    os.environ.pop(variable.upper(), None)

# No deadline for a single example: its time depends on the load of the machine.
settings.register_profile("raylens", deadline=None)
settings.load_profile("raylens")


def pytest_xdist_auto_num_workers() -> int:
    """Three workers per two cores, because many tests wait for servers and subprocesses."""
    return min(16, max(2, (os.cpu_count() or 1) * 3 // 2))


def pytest_make_parametrize_id(val: object) -> str | None:
    """A short name for encoded data, which may contain the time: xdist's workers must agree on the names of tests."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > 20 else None


def pytest_collection_finish() -> None:
    """Exclude the imported modules from garbage collection, which would take a quarter of a second each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def empty_working_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run in an empty folder, because Raylens reads ``.env`` in the working folder."""
    with contextlib.chdir(tmp_path_factory.mktemp("empty")):
        yield


@pytest.fixture(autouse=True)
def restored_settings() -> Iterator[None]:
    """Commands hand settings to their processes in environment variables, which no other test should see."""
    before = _settings()
    yield
    for name in _settings().keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


def _settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("RAYLENS_")}


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """A running MariaDB. Tests that stop it start it again."""
    template = made_once(shared_folder(tmp_path_factory) / "mariadb-template", make_data_folder)
    server = MariaDB(tmp_path_factory.mktemp("mariadb"), template)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def mariadb_url(mariadb: MariaDB) -> str:
    """SQLAlchemy URL of an empty MariaDB database of this test module."""
    return mariadb.fresh_database()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A running Redis. Tests that stop it start it again."""
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """URL of an empty Redis."""
    redis_server.clear()
    return redis_server.url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'data' / 'raylens.db'}"


@pytest.fixture(params=["sqlite", "mariadb"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """A database without tables."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server: MariaDB = request.getfixturevalue("mariadb")
    return server.fresh_database()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without rows, to be copied."""
    folder = shared_folder(tmp_path_factory) / "sqlite-template"
    return made_once(folder, lambda new: schema.upgrade(f"sqlite:///{new / 'raylens.db'}")) / "raylens.db"


@pytest.fixture
def migrated_sqlite_url(sqlite_url: str, sqlite_template: Path) -> str:
    """A SQLite database with tables and no rows."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    path.parent.mkdir(mode=0o700)
    shutil.copy(sqlite_template, path)
    return sqlite_url


@pytest.fixture(scope="session")
def migrated_databases(mariadb: MariaDB) -> Iterator[MigratedDatabases]:
    databases = MigratedDatabases(mariadb)
    yield databases
    databases.close()


@pytest.fixture(params=["sqlite", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    """A database with tables and no rows. Tests that change the tables migrate an ``empty_url`` instead."""
    if request.param == "mariadb":
        databases: MigratedDatabases = request.getfixturevalue("migrated_databases")
        return databases.take()
    return str(request.getfixturevalue("migrated_sqlite_url"))


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()
