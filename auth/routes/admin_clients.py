"""The applications that may ask users for access, for administrators."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from auth.errors import ResourceNotFound
from auth.http.permissions import Admin, user_of
from auth.oauth.client import Client
from auth.principal import Scope
from auth.routes.problems import READS_BODY, SIGNED_IN, problems
from auth.routes.schemas import Body, moment, scope_list

if TYPE_CHECKING:
    from auth.service import Auth

ClientId = Annotated[str, Path(max_length=64)]
Grant = Literal["authorization_code", "refresh_token", "client_credentials"]
RedirectUris = Annotated[
    list[str],
    Field(
        examples=[["https://album.example.org/callback"]],
        description="https; http on a loopback address, where any port will do; or an app's own scheme like "
        "com.example.app:/callback. Compared letter by letter.",
    ),
]
ALBUM: Final[JsonDict] = {
    "id": "photo-album",
    "name": "Photo album",
    "uri": "https://album.example.org",
    "redirect_uris": ["https://album.example.org/callback"],
    "scopes": ["classify", "history:read"],
    "grants": ["authorization_code", "refresh_token"],
    "public": False,
    "trusted": False,
    "disabled": False,
    "created_at": "2026-01-31T12:00:00Z",
}
SECRET: Final = "rlx_Xk9y0m3vTq0Qy7o2XkzUu1yS5cVbqf8w9Lr6HdNaEgQ"  # noqa: S105 - nobody's


class OAuthClient(BaseModel):
    """An application that may ask users for access."""

    id: str
    name: str
    uri: str = Field(description="Its own page, for people; may be empty.")
    redirect_uris: list[str]
    scopes: list[Scope] = Field(description="The most it may ask for.")
    grants: list[Grant]
    public: bool = Field(description="It has no secret: it runs where its users could read one.")
    trusted: bool = Field(description="Its users are not asked for consent.")
    disabled: bool = Field(description="Nothing works that it has or asks for.")
    created_at: datetime

    model_config = ConfigDict(json_schema_extra={"examples": [ALBUM]})

    @classmethod
    def of(cls, client: Client) -> "OAuthClient":
        return cls(
            id=client.id,
            name=client.name,
            uri=client.uri,
            redirect_uris=list(client.redirect_uris),
            scopes=scope_list(client.scopes),
            grants=sorted(client.grants),
            public=client.is_public,
            trusted=client.is_trusted,
            disabled=client.is_disabled,
            created_at=moment(client.created_us),
        )


class OAuthClients(BaseModel):
    """By name."""

    items: list[OAuthClient]


class CreatedOAuthClient(OAuthClient):
    """A new one, with its secret."""

    client_secret: str | None = Field(description="Told this once; null for a public one.")

    model_config = ConfigDict(json_schema_extra={"examples": [ALBUM | {"client_secret": SECRET}]})


class ClientSecret(BaseModel):
    client_secret: str = Field(examples=[SECRET], description="Told this once; the one before is void.")


class NewOAuthClient(Body):
    id: str | None = Field(default=None, examples=["photo-album"], description="Null: one is made.")
    name: str = Field(examples=["Photo album"])
    uri: str = Field(default="", examples=["https://album.example.org"])
    redirect_uris: RedirectUris = Field(default_factory=list)
    scopes: list[Scope] = Field(examples=[["classify", "history:read"]])
    grants: list[Grant] = Field(examples=[["authorization_code", "refresh_token"]])
    public: bool = Field(examples=[False])
    trusted: bool = False


class OAuthClientChange(Body):
    """What is left out stays."""

    name: str | None = Field(default=None, examples=["Photo album"])
    uri: str | None = Field(default=None, examples=["https://album.example.org"])
    redirect_uris: RedirectUris | None = None
    scopes: list[Scope] | None = Field(default=None, examples=[["classify"]])
    grants: list[Grant] | None = Field(default=None, examples=[["authorization_code", "refresh_token"]])
    trusted: bool | None = None
    disabled: bool | None = None


def admin_client_routes(auth: "Auth") -> APIRouter:
    """``/v1/admin/clients``."""
    router = APIRouter(prefix="/v1/admin/clients", tags=["admin"])

    @router.get("", operation_id="list_clients", responses=problems(*SIGNED_IN), summary="Applications, by name")
    async def list_clients(_admin: Admin) -> OAuthClients:
        clients = await auth.workers.run(auth.clients.list)
        return OAuthClients(items=[OAuthClient.of(client) for client in clients])

    @router.post(
        "",
        operation_id="create_client",
        status_code=201,
        responses=problems(*SIGNED_IN, *READS_BODY),
        summary="Register an application",
    )
    async def create_client(body: NewOAuthClient, admin: Admin, request: Request) -> CreatedOAuthClient:
        client, secret = await auth.workers.run(
            auth.clients.create, **body.model_dump(), actor_id=user_of(admin).id, source=auth.request_source(request)
        )
        return CreatedOAuthClient(**OAuthClient.of(client).model_dump(), client_secret=secret)

    @router.get(
        "/{id}",
        operation_id="get_client",
        responses=problems(*SIGNED_IN, 404, 422),
        summary="An application",
    )
    async def get_client(id: ClientId, _admin: Admin) -> OAuthClient:  # noqa: A002
        client = await auth.workers.run(auth.clients.get, id)
        if client is None:
            raise ResourceNotFound("There is no such application.")
        return OAuthClient.of(client)

    @router.patch(
        "/{id}",
        operation_id="change_client",
        responses=problems(*SIGNED_IN, *READS_BODY, 404),
        summary="Change an application",
    )
    async def change_client(id: ClientId, body: OAuthClientChange, admin: Admin, request: Request) -> OAuthClient:  # noqa: A002
        client = await auth.workers.run(
            auth.clients.update,
            id,
            **body.model_dump(),
            actor_id=user_of(admin).id,
            source=auth.request_source(request),
        )
        auth.authenticator.invalidate_all()
        return OAuthClient.of(client)

    @router.delete(
        "/{id}",
        operation_id="delete_client",
        status_code=204,
        responses=problems(*SIGNED_IN, 404, 422),
        summary="Delete an application, with all that users let it do",
    )
    async def delete_client(id: ClientId, admin: Admin, request: Request) -> None:  # noqa: A002
        actor_id, source = user_of(admin).id, auth.request_source(request)
        await auth.workers.run(auth.clients.delete, id, actor_id=actor_id, source=source)
        auth.authenticator.invalidate_all()

    @router.post(
        "/{id}/secret",
        operation_id="rotate_client_secret",
        responses=problems(*SIGNED_IN, 404, 422),
        summary="Give an application a new secret",
    )
    async def rotate_client_secret(id: ClientId, admin: Admin, request: Request) -> ClientSecret:  # noqa: A002
        actor_id, source = user_of(admin).id, auth.request_source(request)
        secret = await auth.workers.run(auth.clients.rotate_secret, id, actor_id=actor_id, source=source)
        return ClientSecret(client_secret=secret)

    return router
