"""Headers of requests that are never what a well-behaved client means."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.errors import InvalidRequest, RaylensError
from serve_app.ingress.head_limits import head_rejection
from serve_app.ingress.hosts import HEALTH_CHECKS, AllowedHosts
from serve_app.ingress.methods import route_path
from serve_app.ingress.problem_page import problem_page, wants_page
from serve_app.ingress.problems import problem_response

Headers = Sequence[tuple[bytes, bytes]]

_FOR_RAY_SERVE: Final = frozenset(
    {b"x-request-timeout-seconds", b"x-request-disconnect-disabled", b"x-session-id", b"serve-multiplexed-model-id"}
)
"""Ray Serve would obey them: drop its timeout, or go on after the client left. If they are not UTF-8, it fails."""
_SINGLE: Final = frozenset({b"authorization", b"content-type", b"content-length", b"origin"})
"""Of two, a proxy in front might believe the one and Raylens the other."""


def without_ignored(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The headers without those for Ray Serve, and without names with ``_``, which some proxies take for ``-``."""
    return [header for header in headers if b"_" not in header[0] and header[0] not in _FOR_RAY_SERVE]


class RequestHeadersMiddleware:
    """ASGI middleware in front of the routes: refuses large heads, unknown hosts and ambiguous headers."""

    def __init__(self, app: ASGIApp, hosts: AllowedHosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = self._rejection(scope) if scope["type"] == "http" else None
        if error is None:
            await self._app(scope, receive, send)
        else:
            request = Request(scope)
            response = problem_page(request, error) if wants_page(request) else problem_response(request, error)
            await response(scope, receive, send)

    def _rejection(self, scope: Scope) -> RaylensError | None:
        if error := head_rejection(scope):
            return error
        names = [name for name, _ in scope["headers"] if name in _SINGLE]
        if len(set(names)) < len(names):
            name = next(name for name in names if names.count(name) > 1).decode().title()
            return InvalidRequest(f"A request must not have two headers {name}.")
        error = self._hosts.rejection(scope["headers"])
        return None if error and route_path(scope).removesuffix("/") in HEALTH_CHECKS else error
