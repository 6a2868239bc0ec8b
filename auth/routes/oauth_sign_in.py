"""Sign-in page of the OAuth server."""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from auth.errors import AuthError
from auth.http.redirect_target import safe_redirect_path
from auth.oauth import metadata as paths
from auth.oauth.requests import parse_parameters, read_form
from auth.routes.oauth_authorize import html_page
from auth.routes.session import begin_session, set_cookies

if TYPE_CHECKING:
    from auth.service import Auth


def sign_in_routes(auth: "Auth") -> APIRouter:
    router = APIRouter()

    @router.get(paths.SIGN_IN)
    @html_page(auth)
    async def show(request: Request) -> Response:
        auth.cookie.require_secure(request)
        next_path = safe_redirect_path(request.query_params.get("next"))
        return await _page(auth, request, next_path)

    @router.post(paths.SIGN_IN)
    @html_page(auth)
    async def sign_in(request: Request) -> Response:
        auth.cookie.require_secure(request)
        auth.cookie.check_origin(request)
        next_path, source = safe_redirect_path(request.query_params.get("next")), auth.request_source(request)
        form = dict(parse_parameters(await read_form(request)))
        username, password = form.get("username", ""), form.get("password", "")
        try:
            new = await begin_session(auth, request, source, username, password)
        except AuthError as error:
            return await _page(auth, request, next_path, username=username, error=error)
        response = RedirectResponse(next_path, 303)
        set_cookies(auth, response, new)
        return response

    return router


async def _page(
    auth: "Auth", request: Request, next_path: str, *, username: str = "", error: AuthError | None = None
) -> Response:
    find_destination, source = auth.oauth.authorization.destination, auth.request_source(request)
    destination = await auth.workers.run(find_destination, next_path, source)
    return auth.oauth.pages.sign_in(next_path, destination, username=username, error=error)
