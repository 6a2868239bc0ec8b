"""One FastAPI application for all tests with the same settings: its routes take 0.2 s to build."""

from functools import cache, reduce
from typing import Any, cast

from fastapi import FastAPI

from serve_app.ingress.api import create_api
from serve_app.ingress.gateway import Gateway

_gateways: list[Gateway] = []
"""The gateway of the running test, if there is one."""


def shared_app(gateway: Gateway) -> FastAPI:
    """The application, from now on for this gateway."""
    _gateways[:] = [gateway]
    return _application()


@cache
def _application() -> FastAPI:
    return create_api(cast("Gateway", _CurrentGateway()))


class _Current:
    """Stands in for the object at a path of attributes of the gateway, which is resolved at each access."""

    def __init__(self, *path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> Any:
        return getattr(reduce(getattr, self._path, cast("Any", _gateways[0])), name)


class _CurrentWorkers(_Current):
    async def run(self, *arguments: Any, **options: Any) -> Any:
        return await _gateways[0].auth.workers.run(*arguments, **options)


class _CurrentAuth(_Current):
    authenticator = _Current("auth", "authenticator")
    workers = _CurrentWorkers("auth", "workers")


class _CurrentGateway(_Current):
    auth = _CurrentAuth("auth")
