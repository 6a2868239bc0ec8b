"""Sign-in with others: a browser goes to a provider and comes back."""

from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse

from auth.errors import (
    AuthError,
    InvalidProviderResponse,
    PermissionDenied,
    ProviderUnavailable,
    ResourceNotFound,
    SignInFailed,
)
from auth.external.answer import Answer, read_answer
from auth.external.external import CALLBACK, LOGIN
from auth.external.flow import Flow, new_flow
from auth.http.permissions import SignedIn, public, user_of
from auth.oauth.metadata import SIGN_IN
from auth.routes.problems import SIGNED_IN, problems

if TYPE_CHECKING:
    from auth.service import Auth

log = structlog.get_logger(__name__)

ACCOUNT: Final = "/account"
"""The web app's page of one's own account, where identities are linked."""
STALE: Final = (
    "This sign-in was not begun in this browser, took longer than ten minutes, or is over already. Begin it again."
)
PRIVATE: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
Next = Annotated[str, Query(alias="next", description="A path of this site to come back to.")]


class Departure(BaseModel):
    """Where to send the browser."""

    url: str = Field(examples=["https://accounts.google.com/o/oauth2/v2/auth?…"])


def external_routes(auth: "Auth") -> APIRouter:
    """The way to a provider and back: pages for people, so errors are pages too."""
    router = APIRouter(include_in_schema=False)

    @router.get(LOGIN)
    @public
    async def login(provider: str, request: Request) -> Response:
        flow: Flow | None = None
        try:
            flow = new_flow(auth.external.provider(provider).name, request.query_params.get("next"))
            url = await auth.external.authorization_url(flow, auth.cookie.base_url(request))
        except AuthError as error:
            return _failed(auth, provider, flow, error)
        response = RedirectResponse(url, 302, PRIVATE)
        auth.external.flows.set(request, response, flow)
        return response

    @router.get(CALLBACK)
    @public
    async def callback(provider: str, request: Request) -> Response:
        flow: Flow | None = None
        try:
            auth.external.provider(provider)
            answer = read_answer(request.query_params)
            flow = auth.external.flows.read(request, answer.state)
            if flow is None or flow.provider != provider:
                raise SignInFailed(STALE)
            response = await _arrive(auth, request, flow, answer)
        except AuthError as error:
            response = _failed(auth, provider, flow, error)
        if flow:
            auth.external.flows.clear(response, flow.state)
        return response

    return router


def link_routes(auth: "Auth") -> APIRouter:
    """``/v1/account/identities``: whoever is signed in lets a provider sign them in, too."""
    router = APIRouter(prefix="/v1/account/identities", tags=["account"])

    @router.post(
        "/{provider}",
        operation_id="link_identity",
        responses=problems(*SIGNED_IN, 404, 422, 502),
        summary="Link an account elsewhere",
        description="Send the browser to the `url`; it comes back to `next`, and the account is linked.",
    )
    async def link_identity(
        provider: str, principal: SignedIn, request: Request, response: Response, then: Next = ACCOUNT
    ) -> Departure:
        if principal.kind != "session":
            raise PermissionDenied(
                "Accounts are linked in the browser that is signed in: this needs the session cookie."
            )
        flow = new_flow(auth.external.provider(provider).name, then, user_of(principal).id)
        url = await auth.external.authorization_url(flow, auth.cookie.base_url(request))
        auth.external.flows.set(request, response, flow)
        return Departure(url=url)

    return router


async def _arrive(auth: "Auth", request: Request, flow: Flow, answer: Answer) -> Response:
    """Let in, or link, who comes back from a provider. Raises AuthError."""
    provider, source = auth.external.provider(flow.provider), auth.request_source(request)
    if flow.user_id is not None:
        principal = await auth.authenticator.session_of(request)
        if principal is None or user_of(principal).id != flow.user_id:
            raise PermissionDenied("Nothing was linked: you are not signed in any more as who asked for it.")
    account_linking = auth.external.account_linking
    try:
        person = await auth.external.person(flow, answer, auth.cookie.base_url(request))
    except (SignInFailed, InvalidProviderResponse) as error:
        if answer.code:  # without one they only turned back
            await auth.workers.run(account_linking.failed, provider, error, source=source)
        raise
    response = RedirectResponse(flow.next, 303, PRIVATE)
    if flow.user_id is not None:
        await auth.workers.run(account_linking.link, flow.user_id, provider, person, source=source)
    else:
        user_id = await auth.workers.run(account_linking.sign_in, provider, person, source=source)
        await _begin_session(auth, request, response, user_id)
    return response


async def _begin_session(auth: "Auth", request: Request, response: Response, user_id: int) -> None:
    before = auth.cookie.read(request)
    source = auth.request_source(request)
    secret = await auth.workers.run(auth.sessions.begin, user_id, instead_of=before, source=source)
    if before:
        auth.authenticator.invalidate(before)
    auth.cookie.set(response, secret)


def _failed(auth: "Auth", provider: str, flow: Flow | None, error: AuthError) -> Response:
    """The page that says what happened and what to do; what its reader cannot mend, the log says, too."""
    if isinstance(error, InvalidProviderResponse | ProviderUnavailable):
        log.warning("provider_failed", provider=provider, code=error.code, reason=error.message)
    if flow and flow.user_id is not None:
        return auth.oauth.pages.error(error, [("Go on", flow.next)])
    then = "?" + urlencode({"next": flow.next if flow else "/"})
    ways = [("Sign in in another way", SIGN_IN + then)]
    if not isinstance(error, PermissionDenied | ResourceNotFound):
        ways.insert(0, ("Try again", LOGIN.format(provider=provider) + then))
    return auth.oauth.pages.error(error, ways)
