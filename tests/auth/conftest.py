import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from serve_app.database.engine import connect
from tests.auth.application import Application, create
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock
from tests.servers.migrated import MigratedDatabases


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """SQLite with tables and no rows; tests marked with ``both_databases`` run on MariaDB as well."""
    if getattr(request, "param", "sqlite") == "mariadb":
        migrated: MigratedDatabases = request.getfixturevalue("migrated_databases")
        engine = connect(migrated.take())
    else:
        folder: Path = request.getfixturevalue("tmp_path")
        engine = connect(f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), folder)}")
    yield engine
    engine.dispose()


@pytest.fixture
def factory(database: Engine, clock: MovableClock) -> UserFactory:
    return UserFactory(database, clock)


@pytest.fixture
def application(database: Engine, clock: MovableClock) -> Application:
    """All of auth with its default settings."""
    return create(database, clock)


@pytest.fixture
async def client(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    async with application.client() as client:
        yield client
