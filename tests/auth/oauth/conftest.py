from collections.abc import AsyncIterator

import httpx
import pytest

from tests.auth.application import Application
from tests.auth.oauth.node.program import NodeProgram
from tests.auth.oauth.partner import Partner
from tests.auth.user_factory import UserFactory


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
