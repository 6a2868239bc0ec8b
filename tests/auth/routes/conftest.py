from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import Engine

from tests.auth.application import Application
from tests.auth.routes.browser import browser
from tests.auth.user_factory import UserFactory


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """What is the same on every database; a module that asks more of it has its own."""
    return sqlite_engine


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add("alice")


@pytest.fixture
def root(factory: UserFactory) -> int:
    """An admin."""
    return factory.add("root", role="admin")


@pytest.fixture
async def visitor(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody has signed in with."""
    async with browser(application) as client:
        yield client


@pytest.fixture
async def hers(application: Application, factory: UserFactory, alice: int) -> AsyncIterator[httpx.AsyncClient]:
    """Alice's browser, signed in."""
    async with browser(application, factory.issue(alice)) as client:
        yield client


@pytest.fixture
async def admins(application: Application, factory: UserFactory, root: int) -> AsyncIterator[httpx.AsyncClient]:
    """An admin's browser, signed in."""
    async with browser(application, factory.issue(root)) as client:
        yield client
