from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from sqlalchemy import Engine

from tests.auth.application import Application
from tests.auth.reference.comparison import Comparison
from tests.auth.reference.server import Djoser


@pytest.fixture(scope="session")
def djoser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Djoser]:
    server = Djoser(tmp_path_factory.mktemp("djoser"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def comparison(djoser: Djoser, application: Application, database: Engine) -> AsyncIterator[Comparison]:
    async with (
        httpx.AsyncClient(base_url=djoser.url, trust_env=False, timeout=20) as reference,
        application.client() as raylens,
    ):
        yield Comparison(reference, raylens, application, database)
