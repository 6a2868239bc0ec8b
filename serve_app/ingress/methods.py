"""HEAD and OPTIONS for every route, and the complete header Allow in every 405."""

import re
from functools import cached_property
from typing import Final

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.datastructures import MutableHeaders
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.http.head import SCOPE_HEAD

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def route_path(scope: Scope) -> str:
    """The path of a request relative to the application's root."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or "/"


class MethodTable:
    """The methods of every path of an application."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def allowed(self, path: str) -> list[str]:
        """The methods of all routes with this path, which is relative to the root; empty for an unknown path."""
        found = {method for pattern, methods in self._routes if pattern.match(path) for method in methods}
        return [method for method in _METHODS if method in found]

    @cached_property
    def _routes(self) -> list[tuple[re.Pattern[str], set[str]]]:
        """Read at the first use, when all routes have been added."""
        found = []
        for route in iter_route_contexts(self._app.routes):
            is_static = isinstance(route.original_route, Mount)
            methods = {"OPTIONS"} | ({"GET"} if is_static else set(route.methods or ()))
            found.append((route.path_regex, methods | ({"HEAD"} if "GET" in methods else set())))
        return found


class _BodyIsUnwanted(Exception):
    """Ends the streaming of a body that nobody receives."""


class MethodsMiddleware:
    """Routes HEAD as GET, answers OPTIONS, and completes 405."""

    def __init__(self, app: ASGIApp, table: MethodTable) -> None:
        self._app = app
        self._table = table

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], route_path(scope)
        if method == "OPTIONS" and (allowed := self._allowed(path)):
            await _answer_options(allowed, send)
        elif method == "HEAD":
            await self._head(scope, receive, self._completing_405(path, send))
        else:
            await self._app(scope, receive, self._completing_405(path, send))

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The server below must continue to see HEAD, so the routes get a copy of the scope."""
        routed = {**scope, "method": "GET", SCOPE_HEAD: True}
        try:
            await self._app(routed, receive, _without_body(send))
        except* _BodyIsUnwanted:
            pass
        finally:
            scope.update({**routed, "method": "HEAD"})  # what the routes have stored, for the log and traces

    def _completing_405(self, path: str, send: Send) -> Send:
        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 405:
                MutableHeaders(scope=message)["Allow"] = self._allowed(path)
            await send(message)

        return complete

    def _allowed(self, path: str) -> str:
        return ", ".join(self._table.allowed(path) or self._table.allowed(path.removesuffix("/")))


def _without_body(send: Send) -> Send:
    is_complete = False

    async def head(message: Message) -> None:
        nonlocal is_complete
        if message["type"] == "http.response.start":
            await send(message)
        elif not is_complete:
            is_complete = True
            await send({"type": "http.response.body", "body": b""})
        if message.get("more_body"):
            raise _BodyIsUnwanted

    return head


async def _answer_options(allow: str, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": [(b"allow", allow.encode())]})
    await send({"type": "http.response.body", "body": b""})
