"""Authorization endpoint and consent page."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import FileResponse, RedirectResponse, Response

from auth.database import is_unavailable, outage_log
from auth.errors import AuthError, Busy
from auth.http.head import is_head
from auth.http.permissions import public
from auth.oauth import metadata as paths
from auth.oauth.authorization import ConsentRequired, LoginRequired
from auth.oauth.pages import PAGES_FOLDER
from auth.oauth.requests import (
    NO_STORE,
    OAuthError,
    OAuthRequest,
    OAuthResponse,
    parse_parameters,
    parse_request,
    read_form,
)

if TYPE_CHECKING:
    from auth.service import Auth

log = structlog.get_logger(__name__)

_Endpoint = Callable[[Request], Awaitable[Response]]
_STYLESHEET_HEADERS: Final = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}


def authorize_routes(auth: "Auth") -> APIRouter:
    router = APIRouter()

    @router.get(paths.AUTHORIZE)
    @html_page(auth)
    async def authorize(request: Request) -> Response:
        if is_head(request):  # GET may issue an authorization code
            return Response(media_type="text/html", headers=NO_STORE)
        session = await auth.authenticator.session_of(request)
        outcome = await auth.workers.run(auth.oauth.authorization.start, _oauth_request(auth, request), session)
        return _response(auth, outcome)

    @router.post(paths.AUTHORIZE)
    @html_page(auth)
    async def submit_consent(request: Request) -> Response:
        pairs = parse_parameters(await read_form(request))
        form = dict(pairs)
        if "csrf_token" not in form:  # an authorization request by POST; the redirect makes the browser send its cookie
            return RedirectResponse(f"{paths.AUTHORIZE}?{urlencode(pairs)}", 303)
        auth.cookie.check_origin(request)
        session = await auth.authenticator.session_of(request)
        decision = {"allowed": form.get("decision") == "allow", "csrf_token": form["csrf_token"]}
        decide = auth.oauth.authorization.decide
        return _response(auth, await auth.workers.run(decide, _oauth_request(auth, request), session, **decision))

    @router.get(paths.STYLESHEET)
    @public
    async def stylesheet() -> Response:
        return FileResponse(PAGES_FOLDER / "pages.css", media_type="text/css", headers=_STYLESHEET_HEADERS)

    return router


def html_page(auth: "Auth") -> Callable[[_Endpoint], _Endpoint]:
    """Make an endpoint public, and its errors HTML pages."""

    def decorate(endpoint: _Endpoint) -> _Endpoint:
        @public
        @wraps(endpoint)
        async def with_error_pages(request: Request) -> Response:
            try:
                return await endpoint(request)
            except OAuthError as error:
                return _response(auth, error.response)
            except AuthError as error:
                return auth.oauth.pages.error(error)
            except SQLAlchemyError as error:
                if not is_unavailable(error):
                    raise
                outage_log.add(request.url.path, error)
                return auth.oauth.pages.error(Busy("The service is temporarily unavailable. Try again in a moment."))

        return with_error_pages

    return decorate


def _oauth_request(auth: "Auth", request: Request) -> OAuthRequest:
    uri = auth.settings.public_url + request.url.path
    return parse_request(request.scope["query_string"], request.method, uri, source=auth.request_source(request))


def _response(auth: "Auth", outcome: OAuthResponse | LoginRequired | ConsentRequired) -> Response:
    if isinstance(outcome, ConsentRequired):
        return auth.oauth.pages.consent(outcome)
    if isinstance(outcome, LoginRequired):
        return RedirectResponse(f"{paths.SIGN_IN}?{urlencode({'next': outcome.next_path})}", 303)
    return outcome.to_starlette() if outcome.location else auth.oauth.pages.oauth_error(outcome)
