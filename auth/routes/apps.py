"""Applications that a user has authorized."""

from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from auth.http.permissions import CurrentUser
from auth.routes.problems import SIGNED_IN, problems
from auth.routes.schemas import ClientId, CreatedAt, ResponseModel, ScopeList, SeenAt, Source

if TYPE_CHECKING:
    from auth.service import Auth


class AuthorizedApp(ResponseModel):
    """An application that the user has authorized."""

    client_id: str
    name: str
    uri: str = Field(description="Its home page; may be empty.")
    scopes: ScopeList = Field(description="The granted scopes.")
    created_at: CreatedAt
    seen_at: SeenAt = Field(description="When it last received a token.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "client_id": "app-0123456789abcdef",
                    "name": "Photo album",
                    "uri": "https://album.example.org",
                    "scopes": ["classify", "history:read"],
                    "created_at": "2026-01-31T12:00:00Z",
                    "seen_at": "2026-02-01T02:00:00Z",
                }
            ]
        }
    )


class AuthorizedApps(ResponseModel):
    items: list[AuthorizedApp]


def app_routes(auth: "Auth") -> APIRouter:
    """``/v1/account/apps``."""
    router = APIRouter(prefix="/v1/account/apps", tags=["apps"])

    @router.get("", operation_id="list_apps", responses=problems(*SIGNED_IN), summary="Your authorized applications")
    async def list_apps(user: CurrentUser) -> AuthorizedApps:
        return AuthorizedApps(items=await auth.workers.run(auth.grants.consents, user.id))

    @router.delete(
        "/{client_id}",
        operation_id="revoke_app",
        status_code=204,
        responses=problems(*SIGNED_IN, 404, 422),
        summary="Revoke the access of an application",
    )
    async def revoke_app(client_id: ClientId, user: CurrentUser, source: Source) -> None:
        await auth.workers.run(auth.grants.revoke_consent, user.id, client_id, source=source)
        auth.authenticator.invalidate_user(user.id)

    return router
