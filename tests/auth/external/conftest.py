import time
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import Engine

from auth.external.providers import Provider
from tests.auth.application import Application, create
from tests.auth.external.false_provider import FalseProvider
from tests.auth.external.mock_provider import MockProvider
from tests.auth.external.traveller import Traveller
from tests.auth.external.web_server import Stage, serving
from tests.clock import MovableClock


@pytest.fixture
def clock() -> MovableClock:
    """The providers' processes have the machine's time."""
    return MovableClock(time.time())


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """What is the same on every database; a module that asks more of it has its own."""
    return sqlite_engine


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
def application(engine: Engine, clock: MovableClock, provider: Provider) -> Application:
    return create(engine, clock, providers=(provider,))


@pytest.fixture
async def traveller(application: Application) -> AsyncIterator[Traveller]:
    async with application.client() as client:
        yield Traveller(client)


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """Where false providers appear, one a test."""
    stage = Stage()
    with serving(stage) as stage.address:
        yield stage


@pytest.fixture
def false_provider(clock: MovableClock, stage: Stage) -> FalseProvider:
    stage.app = provider = FalseProvider(clock, stage.address)
    return provider


@pytest.fixture
def misled(engine: Engine, clock: MovableClock, false_provider: FalseProvider) -> Application:
    """An application that trusts the false provider."""
    it = false_provider
    provider = Provider(name="idp", issuer=it.issuer, client_id=it.client_id, client_secret=it.client_secret)
    return create(engine, clock, providers=(provider,))


@pytest.fixture
async def believer(misled: Application) -> AsyncIterator[Traveller]:
    async with misled.client() as client:
        yield Traveller(client)
