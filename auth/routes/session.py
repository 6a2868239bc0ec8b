"""The web app's own sign-in: who is signed in, in, out."""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from auth.http.permissions import CurrentPrincipal, public
from auth.principal import Scope, Scopes, scopes_of_role
from auth.routes.problems import READS_BODY, problems
from auth.routes.schemas import ALICE, Body, User, scope_list

if TYPE_CHECKING:
    from auth.service import Auth


class SignIn(Body):
    username: str = Field(examples=["alice"])
    password: SecretStr = Field(examples=["a long and simple sentence"])


class SignInProvider(BaseModel):
    """Somebody else who can say who somebody is."""

    name: str = Field(examples=["google"])
    title: str = Field(examples=["Google"], description="For the button.")
    login_url: str = Field(
        examples=["/auth/external/google/login"], description="Go there; `?next=` is the page to come back to."
    )


class SessionState(BaseModel):
    """Who is signed in, and how one can."""

    user: User | None = Field(description="Null for nobody.")
    scopes: list[Scope] = Field(description="What they may do.")
    registration: bool = Field(description="Whether people may make accounts themselves: POST /auth/users/.")
    anonymous: bool = Field(description="Whether images may be classified without signing in.")
    password_min_length: int = Field(examples=[15], description="Characters.")
    providers: list[SignInProvider]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user": ALICE,
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
        shows = principal and (principal.is_first_party or Scope.PROFILE in principal.scopes)
        user = User.of(principal.user) if principal and principal.user and shows else None
        return _state(auth, user, principal.scopes if principal else frozenset())

    @router.post(
        "/v1/session",
        operation_id="sign_in",
        status_code=201,
        responses=problems(*READS_BODY, 403, 429, 503),
        summary="Sign in with a browser",
        description="Sets the session cookie. Needs the header `X-Requested-With` and the web app's own `Origin`.",
    )
    @public
    async def sign_in(body: SignIn, request: Request, response: Response) -> SessionState:
        auth.cookie.require_secure(request)
        auth.cookie.check_csrf(request)
        before = auth.cookie.read(request)
        user, secret = await auth.workers.run_hashing(
            auth.sessions.sign_in,
            body.username,
            body.password.get_secret_value(),
            instead_of=before,
            source=auth.request_source(request),
        )
        if before:
            auth.authenticator.invalidate(before)
        auth.cookie.set(response, secret)
        return _state(auth, User.of(user), scopes_of_role(user.role))

    @router.delete(
        "/v1/session",
        operation_id="sign_out",
        status_code=204,
        responses=problems(403, 503),
        summary="Sign out",
        description="Ends the session of the cookie and takes the cookie away; again does no harm.",
    )
    @public
    async def sign_out(request: Request, response: Response) -> None:
        if secret := auth.cookie.read(request):
            auth.cookie.check_csrf(request)
            await auth.workers.run(auth.sessions.end, secret, source=auth.request_source(request))
            auth.authenticator.invalidate(secret)
        auth.cookie.clear(response)

    return router


def _state(auth: "Auth", user: User | None, scopes: Scopes) -> SessionState:
    settings = auth.settings
    return SessionState(
        user=user,
        scopes=scope_list(scopes),
        registration=settings.registration,
        anonymous=settings.anonymous,
        password_min_length=settings.password_min_length,
        providers=[SignInProvider(**provider) for provider in auth.external.login_links()],
    )
