"""The OAuth server's routes: here those that applications call with a form."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import structlog
from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from auth.database import is_transient
from auth.http.permissions import public
from auth.oauth import metadata as paths
from auth.oauth.messages import NO_STORE, Message, Refused, Reply, form_of
from auth.routes.oauth_pages import page_routes
from auth.routes.oauth_sign_in import sign_in_routes
from auth.routes.openid import openid_routes

if TYPE_CHECKING:
    from auth.service import Auth

log = structlog.get_logger(__name__)

AWAY: Final = Reply(
    503,
    {"error": "temporarily_unavailable", "error_description": "The database is away; try again in a moment."},
    NO_STORE | {"Retry-After": "5"},
)
Answer = Callable[[Message], Awaitable[Reply]]
Endpoint = Callable[[Request], Awaitable[Response]]


def oauth_routes(auth: "Auth") -> APIRouter:
    """All of them; to be at the root."""
    router = APIRouter(include_in_schema=False)

    @router.post(paths.TOKEN)
    @form(auth)
    async def token(message: Message) -> Reply:
        return await auth.workers.run(auth.oauth.server.token, message)

    @router.post(paths.REVOKE)
    @form(auth)
    async def revoke(message: Message) -> Reply:
        reply = await auth.workers.run(auth.oauth.server.revoke, message)
        if reply.status == 200:
            auth.authenticator.invalidate(message.parameters["token"])
        return reply

    @router.post(paths.INTROSPECT)
    @form(auth)
    async def introspect(message: Message) -> Reply:
        return await auth.workers.run(auth.oauth.server.introspect, message)

    for more in (openid_routes, page_routes, sign_in_routes):
        router.include_router(more(auth))
    return router


def form(auth: "Auth") -> Callable[[Answer], Endpoint]:
    """Open to all: the application says which one it is, in the form or with HTTP Basic."""

    def decorate(answer: Answer) -> Endpoint:
        @public
        async def endpoint(request: Request) -> Response:
            uri = auth.settings.public_url + request.url.path
            try:
                return (await answer(await form_of(request, uri, auth.request_source(request)))).response()
            except Refused as refused:
                return refused.reply.response()
            except SQLAlchemyError as error:
                if not is_transient(error):
                    raise
                log.warning("database_unavailable", path=request.url.path, error=str(error.__cause__ or error))
                return AWAY.response()

        return endpoint

    return decorate
