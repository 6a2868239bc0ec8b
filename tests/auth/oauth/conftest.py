from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import Engine

from tests.auth.application import Application, create
from tests.auth.oauth.node.program import NodeProgram
from tests.auth.oauth.partner import Partner
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock


@pytest.fixture
def database(sqlite_engine: Engine) -> Engine:
    """Where it matters which one it is, a module takes ``engine`` instead."""
    return sqlite_engine


@pytest.fixture
def application(database: Engine, clock: MovableClock) -> Application:
    return create(database, clock)


@pytest.fixture
def factory(database: Engine, clock: MovableClock) -> UserFactory:
    return UserFactory(database, clock)


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add("alice")


@pytest.fixture
async def alices(application: Application, factory: UserFactory, alice: int) -> AsyncIterator[httpx.AsyncClient]:
    """The browser where alice is signed in."""
    async with application.client() as browser:
        browser.cookies.set(application.auth.cookie.name, factory.issue(alice))
        yield browser


@pytest.fixture
def partner(application: Application, alices: httpx.AsyncClient) -> Partner:
    return Partner.register(application, alices)


@pytest.fixture(scope="session")
def node() -> NodeProgram:
    return NodeProgram()
