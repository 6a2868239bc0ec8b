from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient

from tests.auth.application import Application
from tests.auth.routes.browser import browser
from tests.auth.user_factory import UserFactory


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add("alice")


@pytest.fixture
def root(factory: UserFactory) -> int:
    """The id of an admin."""
    return factory.add("root", role="admin")


@pytest.fixture
async def anonymous_client(application: Application) -> AsyncIterator[AsyncClient]:
    """The web app without a session."""
    async with browser(application) as client:
        yield client


@pytest.fixture
async def alice_client(application: Application, factory: UserFactory, alice: int) -> AsyncIterator[AsyncClient]:
    """The web app with a session of alice."""
    async with browser(application, factory.issue(alice)) as client:
        yield client


@pytest.fixture
async def admin_client(application: Application, factory: UserFactory, root: int) -> AsyncIterator[AsyncClient]:
    """The web app with a session of an admin."""
    async with browser(application, factory.issue(root)) as client:
        yield client
