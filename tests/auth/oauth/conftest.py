from collections.abc import AsyncIterator
from functools import cache
from itertools import count

import httpx
import pytest
from joserfc.jwk import RSAKey

from auth.oauth import signing_keys
from tests.auth.application import Application
from tests.auth.oauth.node.program import NodeProgram
from tests.auth.oauth.partner import Partner
from tests.auth.user_factory import UserFactory

_generate = signing_keys.generate_private_key


@cache
def _rsa_key(_number: int) -> RSAKey:
    return _generate()


@pytest.fixture(autouse=True)
def _shared_rsa_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test gets the same sequence of keys, because generating one takes up to a second."""
    numbers = count()
    monkeypatch.setattr(signing_keys, "generate_private_key", lambda: _rsa_key(next(numbers)))


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add("alice")


@pytest.fixture
async def alices_browser(
    application: Application, factory: UserFactory, alice: int
) -> AsyncIterator[httpx.AsyncClient]:
    """Has a session of alice."""
    async with application.client() as browser:
        browser.cookies.set(application.auth.cookie.name, factory.issue(alice))
        yield browser


@pytest.fixture
def partner(application: Application, alices_browser: httpx.AsyncClient) -> Partner:
    return Partner.register(application, alices_browser)


@pytest.fixture(scope="session")
def node() -> NodeProgram:
    return NodeProgram()
