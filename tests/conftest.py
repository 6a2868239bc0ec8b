"""Fixtures for all tests: private servers, started when the first test asks for one."""

from collections.abc import Iterator

import pytest

from tests.servers.mariadb import MariaDB
from tests.servers.redis import Redis


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
