"""A user's sessions and tokens."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from auth.credentials.store import Credential
from auth.http.permissions import CurrentUser, SignedIn, user_of
from auth.routes.problems import SIGNED_IN, problems
from auth.routes.schemas import CreatedAt, FromMicroseconds, Id, ResponseModel, SeenAt, Source

if TYPE_CHECKING:
    from auth.service import Auth

_SESSION_EXAMPLE: Final[JsonDict] = {
    "id": 41,
    "kind": "session",
    "created_at": "2026-01-31T12:00:00Z",
    "seen_at": "2026-01-31T12:10:00Z",
    "expires_at": "2026-02-01T00:10:00Z",
    "address": "203.0.113.7",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "current": True,
}


class ActiveSession(ResponseModel):
    """A browser or program that is signed in."""

    id: int
    kind: Literal["session", "token"] = Field(description="A browser session, or a token of `POST /auth/token/login/`.")
    created_at: CreatedAt
    seen_at: SeenAt = Field(description="When it was last used, to the minute.")
    expires_at: Annotated[datetime, FromMicroseconds] = Field(
        validation_alias="ends_us", description="If it is not used again."
    )
    address: str = Field(description="Client address at sign-in.")
    user_agent: str
    current: bool = Field(description="Whether this request used it.")

    model_config = ConfigDict(json_schema_extra={"examples": [_SESSION_EXAMPLE]})

    @classmethod
    def of(cls, credential: Credential, current_id: int | None) -> "ActiveSession":
        more = {"ends_us": credential.ends_us, "current": credential.id == current_id}
        return cls.model_validate(asdict(credential) | more)


class ActiveSessions(ResponseModel):
    items: list[ActiveSession]


def sessions_routes(auth: "Auth") -> APIRouter:
    """``/v1/account/sessions``."""
    router = APIRouter(prefix="/v1/account/sessions", tags=["sessions"])

    @router.get("", operation_id="list_sessions", responses=problems(*SIGNED_IN), summary="Where you are signed in")
    async def list_sessions(principal: SignedIn) -> ActiveSessions:
        found = await auth.workers.run(auth.sessions.list, user_of(principal).id)
        return ActiveSessions(items=[ActiveSession.of(credential, principal.credential_id) for credential in found])

    @router.delete(
        "",
        operation_id="revoke_other_sessions",
        status_code=204,
        responses=problems(*SIGNED_IN),
        summary="Sign out everywhere else",
        description="API keys and applications keep their access.",
    )
    async def revoke_other_sessions(principal: SignedIn, request: Request, source: Source) -> None:
        user, browser = user_of(principal), auth.browser_cookie.read(request)
        revoke = auth.sessions.revoke_others
        await auth.workers.run(revoke, user.id, principal.credential_id, browser=browser, source=source)
        auth.authenticator.invalidate_user(user.id)

    @router.delete(
        "/{id}",
        operation_id="revoke_session",
        status_code=204,
        responses=problems(*SIGNED_IN, 404, 422),
        summary="Sign out there",
    )
    async def revoke_session(id: Id, user: CurrentUser, source: Source) -> None:  # noqa: A002
        await auth.workers.run(auth.sessions.revoke, user.id, id, source=source)
        auth.authenticator.invalidate_user(user.id)

    return router
