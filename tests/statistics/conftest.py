"""Every test that takes ``url`` or ``engine`` runs on SQLite and on MariaDB."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from serve_app.statistics import schema
from serve_app.statistics.database import connect
from serve_app.statistics.recorder import Recorder
from tests.servers.mariadb import MariaDB


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


@pytest.fixture
def url(empty_url: str) -> str:
    schema.upgrade(empty_url)
    return empty_url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def recorder(engine: Engine, tmp_path: Path) -> Recorder:
    return Recorder(engine, tmp_path / "spool", probe_every_s=0.05)
