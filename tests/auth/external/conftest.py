import time
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import Engine

from auth.external.providers import Provider
from tests.auth.application import Application, create
from tests.auth.external.browser import Browser
from tests.auth.external.fake_provider import FakeProvider
from tests.auth.external.mock_provider import MockProvider
from tests.auth.web_server import SwitchableApp, running_server
from tests.clock import MovableClock


@pytest.fixture
def clock() -> MovableClock:
    """Starts at the system time, which the mock provider's process uses."""
    return MovableClock(time.time())


@pytest.fixture(scope="session")
def mock_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProvider]:
    server = MockProvider(tmp_path_factory.mktemp("oidc-provider-mock"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def provider(mock_provider: MockProvider) -> Provider:
    return Provider(name="idp", title="The IdP", issuer=mock_provider.issuer, client_id="us", client_secret="ours")


@pytest.fixture
def application(database: Engine, clock: MovableClock, provider: Provider) -> Application:
    """An application that uses the mock provider."""
    return create(database, clock, providers=(provider,))


@pytest.fixture
async def user_browser(application: Application) -> AsyncIterator[Browser]:
    """A browser at ``application``."""
    async with application.client() as client:
        yield Browser(client)


@pytest.fixture(scope="session")
def fake_server() -> Iterator[SwitchableApp]:
    """HTTP server for the fake provider of the current test."""
    app = SwitchableApp()
    with running_server(app) as app.address:
        yield app


@pytest.fixture
def fake_provider(clock: MovableClock, fake_server: SwitchableApp) -> FakeProvider:
    fake_server.app = provider = FakeProvider(clock, fake_server.address)
    return provider


@pytest.fixture
def site(database: Engine, clock: MovableClock, fake_provider: FakeProvider) -> Application:
    """An application that uses the fake provider."""
    fake = fake_provider
    provider = Provider(name="idp", issuer=fake.issuer, client_id=fake.client_id, client_secret=fake.client_secret)
    return create(database, clock, providers=(provider,))


@pytest.fixture
async def visitor(site: Application) -> AsyncIterator[Browser]:
    """A browser at ``site``."""
    async with site.client() as client:
        yield Browser(client)
