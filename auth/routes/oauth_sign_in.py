"""The page to sign in with on the way to an application."""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from auth.errors import AuthError
from auth.http.redirect_target import safe_redirect_path
from auth.oauth import metadata as paths
from auth.oauth.messages import form_body, pairs_of
from auth.routes.oauth_pages import page

if TYPE_CHECKING:
    from auth.service import Auth


def sign_in_routes(auth: "Auth") -> APIRouter:
    router = APIRouter()

    @router.get(paths.SIGN_IN)
    @page(auth)
    async def show(request: Request) -> Response:
        auth.cookie.require_secure(request)
        then = safe_redirect_path(request.query_params.get("next"))
        to = await auth.workers.run(auth.oauth.authorization.destination, then, auth.request_source(request))
        return auth.oauth.pages.sign_in(then, to)

    @router.post(paths.SIGN_IN)
    @page(auth)
    async def sign_in(request: Request) -> Response:
        auth.cookie.require_secure(request)
        auth.cookie.check_origin(request)
        then, source = safe_redirect_path(request.query_params.get("next")), auth.request_source(request)
        form = dict(pairs_of(await form_body(request)))
        name, password = form.get("username", ""), form.get("password", "")
        before, enter = auth.cookie.read(request), auth.sessions.sign_in
        try:
            _, secret = await auth.workers.run_hashing(enter, name, password, replaces=before, source=source)
        except AuthError as error:
            to = await auth.workers.run(auth.oauth.authorization.destination, then, source)
            return auth.oauth.pages.sign_in(then, to, username=name, error=error)
        if before:
            auth.authenticator.invalidate(before)
        response = RedirectResponse(then, 303)
        auth.cookie.set(response, secret)
        return response

    return router
