"""A user's API keys."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from auth.credentials.lifetimes import DAY
from auth.http.permissions import CurrentUser
from auth.principal import Scope
from auth.routes.problems import READS_BODY, SIGNED_IN, problems
from auth.routes.schemas import CreatedAt, FromMicroseconds, Id, RequestModel, ResponseModel, ScopeList, SeenAt, Source

if TYPE_CHECKING:
    from auth.service import Auth

_KEY_EXAMPLE: Final[JsonDict] = {
    "id": 12,
    "name": "Nightly import",
    "hint": "rlk_4fJ0bQ",
    "scopes": ["classify"],
    "created_at": "2026-01-31T12:00:00Z",
    "seen_at": "2026-02-01T02:00:00Z",
    "expires_at": "2026-05-01T12:00:00Z",
}


class NewApiKey(RequestModel):
    name: str = Field(examples=["Nightly import"], description="1 to 100 printable characters, shown to you only.")
    scopes: list[Scope] = Field(examples=[["classify"]], description="No more than your own, and never `openid`.")
    expires_in_days: int | None = Field(ge=1, le=3650, examples=[90], description="Null for no expiry.")


class ApiKey(ResponseModel):
    """A credential for a program: `Authorization: Bearer rlk_…`."""

    id: int
    name: str
    hint: str = Field(description="The beginning of the key, to recognize it by.")
    scopes: ScopeList
    created_at: CreatedAt
    seen_at: SeenAt = Field(description="When it was last used, to the minute; the time of creation if never.")
    expires_at: Annotated[datetime | None, FromMicroseconds] = Field(validation_alias="expires_us")

    model_config = ConfigDict(json_schema_extra={"examples": [_KEY_EXAMPLE]})


class ApiKeys(ResponseModel):
    items: list[ApiKey]


class CreatedApiKey(ApiKey):
    """A new API key with its secret."""

    key: str = Field(description="Shown only once.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [_KEY_EXAMPLE | {"key": "rlk_4fJ0bQm3vTq0Qy7o2XkzUu1yS5cVbqf8w9Lr6HdNaEg"}]}
    )


def key_routes(auth: "Auth") -> APIRouter:
    """``/v1/account/keys``."""
    router = APIRouter(prefix="/v1/account/keys", tags=["keys"])

    @router.get("", operation_id="list_keys", responses=problems(*SIGNED_IN), summary="Your API keys, newest first")
    async def list_keys(user: CurrentUser) -> ApiKeys:
        return ApiKeys(items=await auth.workers.run(auth.keys.list, user.id))

    @router.post(
        "",
        operation_id="create_key",
        status_code=201,
        responses=problems(*SIGNED_IN, *READS_BODY),
        summary="Create an API key",
    )
    async def create_key(body: NewApiKey, user: CurrentUser, source: Source) -> CreatedApiKey:
        lifetime_s = None if body.expires_in_days is None else body.expires_in_days * DAY
        key, secret = await auth.workers.run(
            auth.keys.create,
            user,
            body.name,
            frozenset(body.scopes),
            lifetime_s,
            source=source,
        )
        return CreatedApiKey.model_validate(asdict(key) | {"key": secret})

    @router.delete(
        "/{id}",
        operation_id="revoke_key",
        status_code=204,
        responses=problems(*SIGNED_IN, 404, 422),
        summary="Revoke an API key",
    )
    async def revoke_key(id: Id, user: CurrentUser, source: Source) -> None:  # noqa: A002
        await auth.workers.run(auth.keys.revoke, user.id, id, source=source)
        auth.authenticator.invalidate_user(user.id)

    return router
