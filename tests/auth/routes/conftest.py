from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import Engine

from tests.auth.application import Application
from tests.auth.people import People
from tests.auth.routes.browser import browser


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """What is the same on every database; a module that asks more of it has its own."""
    return sqlite_engine


@pytest.fixture
def alice(people: People) -> int:
    return people.add("alice")


@pytest.fixture
def root(people: People) -> int:
    """An admin."""
    return people.add("root", role="admin")


@pytest.fixture
async def visitor(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody has signed in with."""
    async with browser(application) as client:
        yield client


@pytest.fixture
async def hers(application: Application, people: People, alice: int) -> AsyncIterator[httpx.AsyncClient]:
    """Alice's browser, signed in."""
    async with browser(application, people.let_in(alice)) as client:
        yield client


@pytest.fixture
async def admins(application: Application, people: People, root: int) -> AsyncIterator[httpx.AsyncClient]:
    """An admin's browser, signed in."""
    async with browser(application, people.let_in(root)) as client:
        yield client
