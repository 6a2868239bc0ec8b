"""Where applications send people: the page that asks for their consent, and the way back."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import FileResponse, RedirectResponse, Response

from auth.database import is_transient
from auth.errors import AuthError, Busy
from auth.http.permissions import public
from auth.oauth import metadata as paths
from auth.oauth.authorization import ConsentFirst, SignInFirst
from auth.oauth.messages import Message, Refused, Reply, form_body, message_of, pairs_of
from auth.oauth.pages import FOLDER

if TYPE_CHECKING:
    from auth.service import Auth

log = structlog.get_logger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]
STYLE_HEADERS: Final = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}


def page_routes(auth: "Auth") -> APIRouter:
    router = APIRouter()

    @router.get(paths.AUTHORIZE)
    @page(auth)
    async def ask(request: Request) -> Response:
        session = await auth.authenticator.session_of(request)
        step = await auth.workers.run(auth.oauth.authorization.ask, _message(auth, request), session)
        return auth.oauth.pages.consent(step) if isinstance(step, ConsentFirst) else _response(auth, step)

    @router.post(paths.AUTHORIZE)
    @page(auth)
    async def decide(request: Request) -> Response:
        pairs = pairs_of(await form_body(request))
        form = dict(pairs)
        if "form_token" not in form:  # an application may ask with a form; then the user comes back with their cookie
            return RedirectResponse(f"{paths.AUTHORIZE}?{urlencode(pairs)}", 303)
        auth.cookie.check_origin(request)
        session = await auth.authenticator.session_of(request)
        answer = {"allowed": form.get("decision") == "allow", "form_token": form["form_token"]}
        step = await auth.workers.run(auth.oauth.authorization.decide, _message(auth, request), session, **answer)
        return _response(auth, step)

    @router.get(paths.STYLE)
    @public
    async def style() -> Response:
        return FileResponse(FOLDER / "pages.css", media_type="text/css", headers=STYLE_HEADERS)

    return router


def page(auth: "Auth") -> Callable[[Endpoint], Endpoint]:
    """Open to all; what is wrong is told on a page."""

    def decorate(endpoint: Endpoint) -> Endpoint:
        @public
        @wraps(endpoint)
        async def told(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Refused as refused:
                return _response(auth, refused.reply)
            except AuthError as error:
                return auth.oauth.pages.error(error)
            except SQLAlchemyError as error:
                if not is_transient(error):
                    raise
                log.warning("database_unavailable", path=request.url.path, error=str(error.__cause__ or error))
                return auth.oauth.pages.error(Busy("Too much is going on just now; try again in a moment."))

        return told

    return decorate


def _message(auth: "Auth", request: Request) -> Message:
    uri = auth.settings.public_url + request.url.path
    return message_of(request.scope["query_string"], request.method, uri, source=auth.request_source(request))


def _response(auth: "Auth", step: Reply | SignInFirst) -> Response:
    if isinstance(step, SignInFirst):
        return RedirectResponse(f"{paths.SIGN_IN}?{urlencode({'next': step.then})}", 303)
    return step.response() if step.location else auth.oauth.pages.refusal(step)
