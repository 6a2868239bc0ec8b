"""Fixtures for all tests: private servers, started when the first test asks for one.

Every test that takes ``url`` or ``engine`` runs on SQLite and on MariaDB.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine

from serve_app.database import schema
from serve_app.database.engine import connect
from tests.servers.mariadb import MariaDB
from tests.servers.redis import Redis
from tests.servers.stock import Stock

# No deadline for a single example: how long it takes says how busy the machine is.
settings.register_profile("raylens", deadline=None)
settings.load_profile("raylens")


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """A running MariaDB; who stops it starts it again."""
    server = MariaDB(tmp_path_factory.mktemp("mariadb"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def mariadb_url(mariadb: MariaDB) -> str:
    """SQLAlchemy URL of an empty MariaDB database of this test module."""
    return mariadb.fresh_database()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A running Redis; who stops it starts it again."""
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """URL of a Redis that is empty."""
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
    """A database without rows; a copy of it is there sooner than one that is migrated."""
    path = tmp_path_factory.mktemp("template") / "raylens.db"
    schema.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def mariadb_stock(mariadb: MariaDB) -> Iterator[Stock]:
    stock = Stock(mariadb)
    yield stock
    stock.close()


@pytest.fixture(params=["sqlite", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    """A database with tables and no rows. A test that changes the tables migrates an ``empty_url``."""
    if request.param == "mariadb":
        stock: Stock = request.getfixturevalue("mariadb_stock")
        return stock.take()
    path = Path(request.getfixturevalue("tmp_path")) / "data" / "raylens.db"
    path.parent.mkdir(mode=0o700)
    return f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), path)}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()
