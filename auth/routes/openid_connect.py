"""UserInfo, signing keys and discovery documents."""

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from auth.errors import AuthError, NotAuthenticated
from auth.http.permissions import public
from auth.oauth import metadata as paths
from auth.oauth.requests import NO_STORE
from auth.oauth.signing_keys import JWKS_MAX_AGE
from auth.oauth.userinfo import userinfo

if TYPE_CHECKING:
    from auth.service import Auth

_CACHEABLE: Final = {"Cache-Control": f"public, max-age={JWKS_MAX_AGE}"}


def openid_connect_routes(auth: "Auth") -> APIRouter:
    router = APIRouter()

    @router.api_route(paths.USERINFO, methods=["GET", "POST"])
    @public
    async def user(request: Request) -> Response:
        try:
            if "authorization" not in request.headers:  # a session cookie does not count
                raise NotAuthenticated("An access token is required.")
            return JSONResponse(userinfo(await auth.authenticator.principal_of(request)), headers=NO_STORE)
        except AuthError as error:
            headers = NO_STORE | ({"WWW-Authenticate": error.challenge} if error.challenge else {})
            body = {"error": error.code, "error_description": error.message}
            return JSONResponse(body, error.status, headers)

    @router.get(paths.JWKS)
    @public
    async def jwks() -> Response:
        keys = await auth.workers.run(auth.oauth.signing_keys.public_set)
        return JSONResponse(keys, headers=_CACHEABLE)

    @router.get(paths.WELL_KNOWN)
    @public
    async def authorization_server() -> Response:
        return JSONResponse(paths.metadata(auth.settings.public_url), headers=_CACHEABLE)

    @router.get(paths.WELL_KNOWN_OPENID)
    @public
    async def openid_configuration() -> Response:
        return JSONResponse(paths.openid_metadata(auth.settings.public_url), headers=_CACHEABLE)

    return router
