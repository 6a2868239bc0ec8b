"""OAuth endpoints that clients call with a form: token, revocation, introspection. Includes the other OAuth routes."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import structlog
from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from auth.database import is_unavailable, outage_log
from auth.http.permissions import public
from auth.oauth import metadata as paths
from auth.oauth.requests import NO_STORE, OAuthError, OAuthRequest, OAuthResponse, read_form_request
from auth.routes.oauth_authorize import authorize_routes
from auth.routes.oauth_sign_in import sign_in_routes
from auth.routes.openid_connect import openid_connect_routes

if TYPE_CHECKING:
    from auth.service import Auth

log = structlog.get_logger(__name__)

_UNAVAILABLE: Final = OAuthResponse(
    503,
    {"error": "temporarily_unavailable", "error_description": "The database is unavailable. Try again in a moment."},
    NO_STORE | {"Retry-After": "5"},
)
_Handler = Callable[[OAuthRequest], Awaitable[OAuthResponse]]
_Endpoint = Callable[[Request], Awaitable[Response]]


def oauth_routes(auth: "Auth") -> APIRouter:
    """To be included without a prefix."""
    router = APIRouter(include_in_schema=False)

    @router.post(paths.TOKEN)
    @_form_endpoint(auth)
    async def token(request: OAuthRequest) -> OAuthResponse:
        return await auth.workers.run(auth.oauth.server.token, request)

    @router.post(paths.REVOKE)
    @_form_endpoint(auth)
    async def revoke(request: OAuthRequest) -> OAuthResponse:
        response = await auth.workers.run(auth.oauth.server.revoke, request)
        if response.status == 200:
            auth.authenticator.invalidate(request.parameters["token"])
        return response

    @router.post(paths.INTROSPECT)
    @_form_endpoint(auth)
    async def introspect(request: OAuthRequest) -> OAuthResponse:
        return await auth.workers.run(auth.oauth.server.introspect, request)

    for routes in (openid_connect_routes, authorize_routes, sign_in_routes):
        router.include_router(routes(auth))
    return router


def _form_endpoint(auth: "Auth") -> Callable[[_Handler], _Endpoint]:
    """Public: the client authenticates itself. Errors are JSON documents."""

    def decorate(handle: _Handler) -> _Endpoint:
        @public
        async def endpoint(request: Request) -> Response:
            uri = auth.settings.public_url + request.url.path
            try:
                response = await handle(await read_form_request(request, uri, auth.request_source(request)))
            except OAuthError as error:
                response = error.response
            except SQLAlchemyError as error:
                if not is_unavailable(error):
                    raise
                outage_log.add(request.url.path, error)
                response = _UNAVAILABLE
            return response.to_starlette()

        return endpoint

    return decorate
