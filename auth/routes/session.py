"""Sign-in of the web app: session state, sign-in, sign-out."""

from functools import partial
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field, SecretStr

from auth.audit import RequestSource
from auth.credentials.sessions import NewSession
from auth.http.permissions import CurrentPrincipal, public
from auth.principal import Scope, Scopes, User, scopes_of_role
from auth.routes.problems import READS_BODY, problems
from auth.routes.schemas import USER_EXAMPLE, RequestModel, ResponseModel, ScopeList, Source, UserProfile

if TYPE_CHECKING:
    from auth.service import Auth


class SignIn(RequestModel):
    username: str = Field(examples=["alice"])
    password: SecretStr = Field(examples=["a long and simple sentence"])


class SignInProvider(ResponseModel):
    """An external identity provider that users can sign in with."""

    name: str = Field(examples=["google"])
    title: str = Field(examples=["Google"], description="Label of the button.")
    login_url: str = Field(
        examples=["/auth/external/google/login"],
        description="The browser goes here; `?next=` is the page to return to.",
    )


class SessionState(ResponseModel):
    """Who is signed in, and the ways to sign in."""

    user: UserProfile | None = Field(description="Null if nobody is signed in.")
    scopes: ScopeList = Field(description="What they may do.")
    registration: bool = Field(description="Whether anyone may create an account with POST /auth/users/.")
    anonymous: bool = Field(description="Whether images may be classified without signing in.")
    password_min_length: int = Field(examples=[15], description="Characters.")
    providers: list[SignInProvider]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user": USER_EXAMPLE,
                    "scopes": ["classify", "history:read", "history:write", "openid", "profile"],
                    "registration": True,
                    "anonymous": True,
                    "password_min_length": 15,
                    "providers": [{"name": "google", "title": "Google", "login_url": "/auth/external/google/login"}],
                }
            ]
        }
    )


def session_routes(auth: "Auth") -> APIRouter:
    """``/v1/session``."""
    router = APIRouter(tags=["session"])

    @router.get("/v1/session", operation_id="get_session", responses=problems(401, 503), summary="Who is signed in")
    @public
    async def get_session(principal: CurrentPrincipal) -> SessionState:
        if principal is None:
            return _state(auth, None, frozenset())
        may_read = principal.is_first_party or Scope.PROFILE in principal.scopes
        return _state(auth, principal.user if may_read else None, principal.scopes)

    @router.post(
        "/v1/session",
        operation_id="sign_in",
        status_code=201,
        responses=problems(*READS_BODY, 403, 429, 503),
        summary="Sign in with a browser",
        description="Sets the session cookie. Requires the header `X-Requested-With` and the web app's own `Origin`.",
    )
    @public
    async def sign_in(body: SignIn, request: Request, source: Source, response: Response) -> SessionState:
        auth.cookie.require_secure(request)
        auth.cookie.check_csrf(request)
        new = await begin_session(auth, request, source, body.username, body.password.get_secret_value())
        set_cookies(auth, response, new)
        return _state(auth, new.user, scopes_of_role(new.user.role))

    @router.delete(
        "/v1/session",
        operation_id="sign_out",
        status_code=204,
        responses=problems(403, 503),
        summary="Sign out",
        description="Revokes the session and deletes the cookie. Idempotent.",
    )
    @public
    async def sign_out(request: Request, source: Source, response: Response) -> None:
        if secret := auth.cookie.read(request):
            auth.cookie.check_csrf(request)
            await auth.workers.run(auth.sessions.end, secret, source=source)
            auth.authenticator.invalidate(secret)
        auth.cookie.clear(response)

    return router


async def begin_session(
    auth: "Auth", request: Request, source: RequestSource, username: str, password: str
) -> NewSession:
    """Sign in, which replaces the session of the browser. Raises InvalidLogin, Throttled or Busy."""
    previous, browser = auth.cookie.read(request), auth.browser_cookie.read(request)
    work = partial(auth.sessions.sign_in, username, replaces=previous, browser=browser, source=source)
    new = await auth.passwords.sign_in(username, password, work, source=source, browser=browser)
    if previous:
        auth.authenticator.invalidate(previous)
    return new


def set_cookies(auth: "Auth", response: Response, new: NewSession) -> None:
    auth.cookie.set(response, new.secret)
    auth.browser_cookie.set(response, new.browser)


def _state(auth: "Auth", user: User | None, scopes: Scopes) -> SessionState:
    settings = auth.settings
    return SessionState(
        user=user,
        scopes=scopes,
        registration=settings.registration,
        anonymous=settings.anonymous,
        password_min_length=settings.password_min_length,
        providers=auth.external.login_links(),
    )
