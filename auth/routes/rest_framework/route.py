"""Route class that authenticates requests and formats all errors like Django REST framework."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from auth.database import is_unavailable, outage_log
from auth.errors import AuthError, InvalidCredential, NotAuthenticated
from auth.http.head import is_head
from auth.http.permissions import PUBLIC, principal_of, require
from auth.routes.rest_framework.errors import response_to, unavailable

log = structlog.get_logger(__name__)

_SCHEMES: Final = frozenset({"token", "bearer"})
"""Credentials of other schemes are ignored."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class RestFrameworkRoute(APIRoute):
    """A route of a router that :func:`finish_router` has completed."""

    is_public: bool = False
    """Whether all routes with this path are public."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def authenticate_and_handle(request: Request) -> Response:
            await _authenticate(request, is_public=_is_public(self))
            return await handle(request)

        return _with_error_responses(authenticate_and_handle)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in _methods_of(self):
            await super().handle(scope, receive, send)
        else:
            response = await _with_error_responses(self._reject_method)(Request(scope, receive))
            await response(scope, receive, send)

    async def _reject_method(self, request: Request) -> Response:
        await _authenticate(request, is_public=self.is_public)
        if not self.is_public:
            require(await principal_of(request))
        method = "HEAD" if is_head(request) else request.method
        raise HTTPException(405, f'Method "{method}" not allowed.')


def finish_router(router: APIRouter) -> None:
    """Add each route without its trailing slash as well, and set ``is_public``."""
    for route in list(router.routes):
        if isinstance(route, RestFrameworkRoute):
            router.add_api_route(
                route.path.removeprefix(router.prefix).rstrip("/"),
                route.endpoint,
                methods=list(_methods_of(route)),
                status_code=route.status_code,
                response_model=route.response_model,
                include_in_schema=False,
            )
    routes = [route for route in router.routes if isinstance(route, RestFrameworkRoute)]
    for route in routes:
        siblings = [other for other in routes if other.path == route.path]
        route.is_public = all(_is_public(other) for other in siblings)


def _methods_of(route: APIRoute) -> set[str]:
    return route.methods or set()


def _is_public(route: APIRoute) -> bool:
    return getattr(route.endpoint, PUBLIC, False)


async def _authenticate(request: Request, *, is_public: bool) -> None:
    """Raises NotAuthenticated, or InvalidCredential for an invalid token, even if the route needs none."""
    authorization = request.headers.get("authorization")
    if authorization is None:
        return
    scheme, *rest = authorization.split() or [""]
    if scheme.lower() in _SCHEMES:
        _reject_malformed(rest)
        await principal_of(request)
    elif not is_public:
        raise NotAuthenticated("Authentication credentials were not provided.")


def _reject_malformed(rest: list[str]) -> None:
    if not rest:
        raise InvalidCredential("Invalid token header. No credentials provided.")
    if len(rest) > 1:
        raise InvalidCredential("Invalid token header. Token string should not contain spaces.")
    try:
        rest[0].encode("latin-1").decode()
    except UnicodeError:
        message = "Invalid token header. Token string should not contain invalid characters."
        raise InvalidCredential(message) from None


def _with_error_responses(handle: Handler) -> Handler:
    async def respond(request: Request) -> Response:
        try:
            return await handle(request)
        except (AuthError, HTTPException) as error:
            return response_to(error)
        except SQLAlchemyError as error:
            if not is_unavailable(error):
                raise
            outage_log.add(request.url.path, error)
            return unavailable()

    return respond
