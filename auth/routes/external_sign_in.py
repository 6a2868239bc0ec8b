"""Sign-in with external identity providers, and linking their accounts."""

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
from auth.external.authorization_response import AuthorizationResponse, parse_authorization_response
from auth.external.login_state import LoginState, new_login_state
from auth.external.service import EXTERNAL_CALLBACK, EXTERNAL_LOGIN
from auth.http.head import is_head
from auth.http.permissions import SignedIn, public, user_of
from auth.oauth.metadata import SIGN_IN
from auth.routes.problems import SIGNED_IN, problems

if TYPE_CHECKING:
    from auth.service import Auth

log = structlog.get_logger(__name__)

_ACCOUNT_PAGE: Final = "/account"
"""The web app's page where identities are linked."""
_UNKNOWN_STATE: Final = (
    "This sign-in was not started in this browser, has expired, or is already complete. Start the sign-in again."
)
_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class AuthorizationUrl(BaseModel):
    """Where to send the browser."""

    url: str = Field(examples=["https://accounts.google.com/o/oauth2/v2/auth?…"])


def external_routes(auth: "Auth") -> APIRouter:
    """Redirect to the provider, and its callback. Errors are HTML pages."""
    router = APIRouter(include_in_schema=False)

    @router.get(EXTERNAL_LOGIN)
    @public
    async def start(provider: str, request: Request) -> Response:
        login: LoginState | None = None
        try:
            login = new_login_state(auth.external.provider(provider).name, request.query_params.get("next"))
            url = await auth.external.authorization_url(login, auth.cookie.base_url(request))
        except AuthError as error:
            return _error_page(auth, provider, login, error)
        response = RedirectResponse(url, 302, _HEADERS)
        auth.external.login_states.set(request, response, login)
        return response

    @router.get(EXTERNAL_CALLBACK)
    @public
    async def callback(provider: str, request: Request) -> Response:
        if is_head(request):  # GET uses up the authorization code
            return Response(media_type="text/html", headers=_HEADERS)
        login: LoginState | None = None
        try:
            auth.external.provider(provider)
            authorization = parse_authorization_response(request.query_params)
            login = auth.external.login_states.read(request, authorization.state)
            if login is None or login.provider != provider:
                raise SignInFailed(_UNKNOWN_STATE)
            response = await _complete(auth, request, login, authorization)
        except AuthError as error:
            response = _error_page(auth, provider, login, error)
        if login:
            auth.external.login_states.clear(response, login.state)
        return response

    return router


def link_routes(auth: "Auth") -> APIRouter:
    """``/v1/account/identities``: link an external account to the signed-in user."""
    router = APIRouter(prefix="/v1/account/identities", tags=["account"])

    @router.post(
        "/{provider}",
        operation_id="link_identity",
        responses=problems(*SIGNED_IN, 404, 422, 502),
        summary="Link an external account",
        description="Send the browser to `url`; it returns to `next` once the account is linked.",
    )
    async def link_identity(
        provider: str,
        principal: SignedIn,
        request: Request,
        response: Response,
        next_path: Annotated[str, Query(alias="next", description="Local path to return to.")] = _ACCOUNT_PAGE,
    ) -> AuthorizationUrl:
        if principal.kind != "session":
            raise PermissionDenied("Linking an account requires a session cookie. Sign in with a browser.")
        login = new_login_state(auth.external.provider(provider).name, next_path, user_of(principal).id)
        url = await auth.external.authorization_url(login, auth.cookie.base_url(request))
        auth.external.login_states.set(request, response, login)
        return AuthorizationUrl(url=url)

    return router


async def _complete(
    auth: "Auth", request: Request, login: LoginState, authorization: AuthorizationResponse
) -> Response:
    """Sign in or link the user who returns from a provider. Raises AuthError."""
    provider, source = auth.external.provider(login.provider), auth.request_source(request)
    if login.user_id is not None:
        principal = await auth.authenticator.session_of(request)
        if principal is None or user_of(principal).id != login.user_id:
            raise PermissionDenied("The account was not linked: you have signed out or changed users. Start again.")
    linking = auth.external.account_linking
    try:
        claims = await auth.external.fetch_claims(login, authorization, auth.cookie.base_url(request))
    except (SignInFailed, InvalidProviderResponse) as error:
        if authorization.code:  # otherwise the user cancelled
            await auth.workers.run(linking.record_failure, provider, error, source=source)
        raise
    response = RedirectResponse(login.next, 303, _HEADERS)
    if login.user_id is not None:
        await auth.workers.run(linking.link, login.user_id, provider, claims, source=source)
    else:
        user_id = await auth.workers.run(linking.sign_in, provider, claims, source=source)
        await _start_session(auth, request, response, user_id)
    return response


async def _start_session(auth: "Auth", request: Request, response: Response, user_id: int) -> None:
    previous, source = auth.cookie.read(request), auth.request_source(request)
    secret = await auth.workers.run(auth.sessions.begin, user_id, replaces=previous, source=source)
    if previous:
        auth.authenticator.invalidate(previous)
    auth.cookie.set(response, secret)


def _error_page(auth: "Auth", provider: str, login: LoginState | None, error: AuthError) -> Response:
    """Page with links to continue. Errors of the provider are also logged."""
    if isinstance(error, InvalidProviderResponse | ProviderUnavailable):
        log.warning("provider_failed", provider=provider, code=error.code, reason=error.message)
    if login and login.user_id is not None:
        return auth.oauth.pages.error(error, [("Continue", login.next)])
    query = "?" + urlencode({"next": login.next if login else "/"})
    links = [("Sign in another way", SIGN_IN + query)]
    if not isinstance(error, PermissionDenied | ResourceNotFound):
        links.insert(0, ("Try again", EXTERNAL_LOGIN.format(provider=provider) + query))
    return auth.oauth.pages.error(error, links)
