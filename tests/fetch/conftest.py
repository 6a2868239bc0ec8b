import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fetch.certificate import certified
from tests.fetch.server import Server, Tls, running


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with running() as server:
        yield server


@pytest.fixture
async def tls(tmp_path: Path) -> AsyncIterator[Tls]:
    certificate = certified("images.example", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with running(context) as server:
        yield server, ssl.create_default_context(cafile=str(certificate))
