"""A person's API keys."""

from datetime import datetime
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from auth.credentials.lifetimes import DAY
from auth.credentials.store import Credential
from auth.http.permissions import SignedIn, user_of
from auth.principal import Scope
from auth.routes.problems import READS_BODY, SIGNED_IN, problems
from auth.routes.schemas import Body, Id, moment, scope_list

if TYPE_CHECKING:
    from auth.service import Auth

KEY: Final[JsonDict] = {
    "id": 12,
    "name": "Nightly import",
    "hint": "rlk_4fJ0bQ",
    "scopes": ["classify"],
    "created_at": "2026-01-31T12:00:00Z",
    "seen_at": "2026-02-01T02:00:00Z",
    "expires_at": "2026-05-01T12:00:00Z",
}


class NewApiKey(Body):
    name: str = Field(examples=["Nightly import"], description="1 to 100 printable characters, for its owner alone.")
    scopes: list[Scope] = Field(
        examples=[["classify"]], description="What it may do: no more than its owner, and never `openid`."
    )
    expires_in_days: int | None = Field(ge=1, le=3650, examples=[90], description="Null: it does not end by itself.")


class ApiKey(BaseModel):
    """Something a program gets in with: `Authorization: Bearer rlk_…`."""

    id: int
    name: str
    hint: str = Field(description="How the key begins, to know it by.")
    scopes: list[Scope]
    created_at: datetime
    seen_at: datetime = Field(description="When it was last used, give or take a minute; when it was made, if never.")
    expires_at: datetime | None

    model_config = ConfigDict(json_schema_extra={"examples": [KEY]})

    @classmethod
    def of(cls, key: Credential) -> "ApiKey":
        return cls(
            id=key.id,
            name=key.name,
            hint=key.hint,
            scopes=scope_list(key.scopes),
            created_at=moment(key.created_us),
            seen_at=moment(key.seen_us),
            expires_at=None if key.expires_us is None else moment(key.expires_us),
        )


class ApiKeys(BaseModel):
    items: list[ApiKey]


class CreatedApiKey(ApiKey):
    """A new one, with its secret."""

    key: str = Field(description="Told this once.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [KEY | {"key": "rlk_4fJ0bQm3vTq0Qy7o2XkzUu1yS5cVbqf8w9Lr6HdNaEg"}]}
    )


def key_routes(auth: "Auth") -> APIRouter:
    """``/v1/account/keys``."""
    router = APIRouter(prefix="/v1/account/keys", tags=["keys"])

    @router.get("", operation_id="list_keys", responses=problems(*SIGNED_IN), summary="Your API keys, newest first")
    async def list_keys(principal: SignedIn) -> ApiKeys:
        keys = await auth.workers.run(auth.keys.list, user_of(principal).id)
        return ApiKeys(items=[ApiKey.of(key) for key in keys])

    @router.post(
        "",
        operation_id="create_key",
        status_code=201,
        responses=problems(*SIGNED_IN, *READS_BODY),
        summary="Make an API key",
    )
    async def create_key(body: NewApiKey, principal: SignedIn, request: Request) -> CreatedApiKey:
        lifetime_s = None if body.expires_in_days is None else body.expires_in_days * DAY
        key, secret = await auth.workers.run(
            auth.keys.create,
            user_of(principal),
            body.name,
            frozenset(body.scopes),
            lifetime_s,
            source=auth.request_source(request),
        )
        return CreatedApiKey(**ApiKey.of(key).model_dump(), key=secret)

    @router.delete(
        "/{id}",
        operation_id="revoke_key",
        status_code=204,
        responses=problems(*SIGNED_IN, 404, 422),
        summary="End an API key",
    )
    async def revoke_key(id: Id, principal: SignedIn, request: Request) -> None:  # noqa: A002
        user = user_of(principal)
        await auth.workers.run(auth.keys.revoke, user.id, id, source=auth.request_source(request))
        auth.authenticator.invalidate_user(user.id)

    return router
