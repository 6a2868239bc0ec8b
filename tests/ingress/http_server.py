"""The API behind a real HTTP server, with the middleware that Serve puts around it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from serve_app.ingress.body_stream import BodyStreamMiddleware
from serve_app.ingress.http_protocol import HttpProtocol
from serve_app.ingress.load_shedding import middlewares
from tests.ingress.graph import until
from tests.servers.listener import listener

HOST = "127.0.0.1"


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # they belong to pytest


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, **stream: Any) -> AsyncIterator[int]:
    """The port. ``stream``: options of BodyStreamMiddleware."""
    for middleware in middlewares():
        options = stream if middleware.cls is cast("object", BodyStreamMiddleware) else {}
        app = middleware.cls(app, *middleware.args, **middleware.kwargs, **options)
    bound = listener()
    server = _Server(
        uvicorn.Config(app, log_config=None, lifespan="off", ws="none", http=HttpProtocol, timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server.serve(sockets=[bound]))
    await until(lambda: server.started)
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await task
