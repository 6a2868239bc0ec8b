"""What applications read: who a user is, the keys of id_tokens, where everything is."""

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from auth.errors import AuthError, NotAuthenticated
from auth.http.permissions import public
from auth.oauth import metadata as paths
from auth.oauth.messages import NO_STORE
from auth.oauth.signing_keys import CACHED
from auth.oauth.userinfo import userinfo

if TYPE_CHECKING:
    from auth.service import Auth

CACHEABLE: Final = {"Cache-Control": f"public, max-age={CACHED}"}


def openid_routes(auth: "Auth") -> APIRouter:
    router = APIRouter()

    @router.api_route(paths.USERINFO, methods=["GET", "POST"])
    @public
    async def user(request: Request) -> Response:
        try:
            if "authorization" not in request.headers:  # the cookie of a session is nothing here
                raise NotAuthenticated("An access token is needed.")
            return JSONResponse(userinfo(await auth.authenticator.principal_of(request)), headers=NO_STORE)
        except AuthError as error:
            headers = NO_STORE | ({"WWW-Authenticate": error.challenge} if error.challenge else {})
            body = {"error": error.code, "error_description": error.message}
            return JSONResponse(body, error.status, headers)

    @router.get(paths.JWKS)
    @public
    async def jwks() -> Response:
        keys = await auth.workers.run(auth.oauth.signing_keys.public_set)
        return JSONResponse(keys, headers=CACHEABLE)

    @router.get(paths.WELL_KNOWN)
    @public
    async def authorization_server() -> Response:
        return JSONResponse(paths.metadata(auth.settings.public_url), headers=CACHEABLE)

    @router.get(paths.WELL_KNOWN_OPENID)
    @public
    async def openid_configuration() -> Response:
        return JSONResponse(paths.openid_metadata(auth.settings.public_url), headers=CACHEABLE)

    return router
