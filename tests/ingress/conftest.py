import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from tests.auth.user_factory import UserFactory
from tests.fetch.server import Server
from tests.fetch.server import running as serving
from tests.ingress.graph import Graph, running
from tests.ingress.shared_app import shared_app


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> None:
    """Like the service. structlog's default, which includes all variables, takes seconds."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    )


@pytest.fixture
async def graph(tmp_path: Path) -> AsyncIterator[Graph]:
    """The API with a fake model; image URLs may use 127.0.0.1."""
    async with running(tmp_path, create_app=shared_app, fetch_allowed_networks="127.0.0.1/32") as graph:
        yield graph


@pytest.fixture
def factory(graph: Graph) -> UserFactory:
    """Users in the database of the API."""
    return UserFactory(graph.gateway.engine, time.time)


@pytest.fixture
async def website() -> AsyncIterator[Server]:
    """A web server on 127.0.0.1 for images."""
    async with serving() as server:
        yield server
