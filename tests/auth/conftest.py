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


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def sqlite_engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    """For what is the same on every database."""
    engine = connect(f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}")
    yield engine
    engine.dispose()


@pytest.fixture
def factory(engine: Engine, clock: MovableClock) -> UserFactory:
    return UserFactory(engine, clock)


@pytest.fixture
def application(engine: Engine, clock: MovableClock) -> Application:
    """All of Auth with the settings as they come; on SQLite and on MariaDB."""
    return create(engine, clock)


@pytest.fixture
async def client(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    async with application.client() as client:
        yield client
