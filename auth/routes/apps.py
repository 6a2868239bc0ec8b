"""The applications that a person lets act for them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from auth.errors import ResourceNotFound
from auth.http.permissions import SignedIn, user_of
from auth.oauth.consents import Consent
from auth.principal import Scope
from auth.routes.problems import SIGNED_IN, problems
from auth.routes.schemas import moment, scope_list

if TYPE_CHECKING:
    from auth.service import Auth

ClientId = Annotated[str, Path(max_length=64)]


class AuthorizedApp(BaseModel):
    """An application that a person lets act for them."""

    client_id: str
    name: str
    uri: str = Field(description="Its own page; may be empty.")
    scopes: list[Scope] = Field(description="What it may do.")
    created_at: datetime
    seen_at: datetime = Field(description="When it last got a token.")

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

    @classmethod
    def of(cls, consent: Consent) -> "AuthorizedApp":
        return cls(
            client_id=consent.client_id,
            name=consent.name,
            uri=consent.uri,
            scopes=scope_list(consent.scopes),
            created_at=moment(consent.created_us),
            seen_at=moment(consent.seen_us),
        )


class AuthorizedApps(BaseModel):
    items: list[AuthorizedApp]


def app_routes(auth: "Auth") -> APIRouter:
    """``/v1/account/apps``."""
    router = APIRouter(prefix="/v1/account/apps", tags=["apps"])

    @router.get("", operation_id="list_apps", responses=problems(*SIGNED_IN), summary="Applications that act for you")
    async def list_apps(principal: SignedIn) -> AuthorizedApps:
        consents = await auth.workers.run(auth.grants.consents, user_of(principal).id)
        return AuthorizedApps(items=[AuthorizedApp.of(consent) for consent in consents])

    @router.delete(
        "/{client_id}",
        operation_id="revoke_app",
        status_code=204,
        responses=problems(*SIGNED_IN, 404, 422),
        summary="Let an application act for you no more",
    )
    async def revoke_app(client_id: ClientId, principal: SignedIn, request: Request) -> None:
        user_id = user_of(principal).id
        source = auth.request_source(request)
        if not await auth.workers.run(auth.grants.revoke_consent, user_id, client_id, source=source):
            raise ResourceNotFound("This application does not act for you.")
        auth.authenticator.invalidate_user(user_id)

    return router
