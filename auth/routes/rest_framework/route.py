"""Routes that answer in this form, whatever happens."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from auth.database import is_transient
from auth.errors import AuthError, InvalidCredential, NotAuthenticated
from auth.http.permissions import PUBLIC, principal_of, require
from auth.routes.rest_framework.errors import ApiException, response_to, unavailable

log = structlog.get_logger(__name__)

_SCHEMES: Final = frozenset({"token", "bearer"})
"""Who comes with another, comes with nothing."""
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class RestFrameworkRoute(APIRoute):
    """One of a router's that :func:`settle` was called for."""

    allow: str = ""
    """The methods of all routes with this path."""
    is_open: bool = False
    """Nobody has to sign in for any of them."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def identify_and_handle(request: Request) -> Response:
            await _identify(request, is_open=_is_public(self))
            return await handle(request)

        return _answering(identify_and_handle)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in _methods_of(self):
            await super().handle(scope, receive, send)
        else:
            response = await _answering(self._refuse_method)(Request(scope, receive))
            await response(scope, receive, send)

    async def _refuse_method(self, request: Request) -> Response:
        await _identify(request, is_open=self.is_open)
        if not self.is_open:
            require(await principal_of(request))
        raise ApiException(405, f'Method "{request.method}" not allowed.', allow=self.allow)


def finish_router(router: APIRouter) -> None:
    """Add each route without the slash at its end, too, and let it know of the others with its path."""
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
        methods = {method for other in siblings for method in _methods_of(other)}
        route.allow = ", ".join(method for method in _METHODS if method in methods)
        route.is_open = all(_is_public(other) for other in siblings)


def _methods_of(route: APIRoute) -> set[str]:
    return route.methods or set()


def _is_public(route: APIRoute) -> bool:
    return getattr(route.endpoint, PUBLIC, False)


async def _identify(request: Request, *, is_open: bool) -> None:
    """Raises InvalidCredential for a bad token, also where none is needed, and NotAuthenticated."""
    authorization = request.headers.get("authorization")
    if authorization is None:
        return
    scheme, *rest = authorization.split() or [""]
    if scheme.lower() in _SCHEMES:
        _refuse_malformed(rest)
        await principal_of(request)
    elif not is_open:
        raise NotAuthenticated("Authentication credentials were not provided.")


def _refuse_malformed(rest: list[str]) -> None:
    if not rest:
        raise InvalidCredential("Invalid token header. No credentials provided.")
    if len(rest) > 1:
        raise InvalidCredential("Invalid token header. Token string should not contain spaces.")
    try:
        rest[0].encode("latin-1").decode()
    except UnicodeError:
        message = "Invalid token header. Token string should not contain invalid characters."
        raise InvalidCredential(message) from None


def _answering(handle: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await handle(request)
        except ApiException as error:
            return error.response()
        except AuthError as error:
            return response_to(error)
        except SQLAlchemyError as error:
            if not is_transient(error):
                raise
            log.warning("database_unavailable", path=request.url.path, error=str(error.__cause__ or error))
            return unavailable()

    return answer
