"""Client applications of the OAuth server, for administrators."""

from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from auth.errors import ResourceNotFound
from auth.http.permissions import Admin, user_of
from auth.principal import Scope
from auth.routes.problems import READS_BODY, SIGNED_IN, problems
from auth.routes.schemas import ClientId, CreatedAt, RequestModel, ResponseModel, ScopeList, Source

if TYPE_CHECKING:
    from auth.service import Auth

Grant = Literal["authorization_code", "refresh_token", "client_credentials"]
RedirectUris = Annotated[
    list[str],
    Field(
        examples=[["https://album.example.org/callback"]],
        description="https; http on a loopback address, with any port; or a private-use scheme such as "
        "com.example.app:/callback. Compared exactly.",
    ),
]
_CLIENT_EXAMPLE: Final[JsonDict] = {
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
_SECRET_EXAMPLE: Final = "rlx_Xk9y0m3vTq0Qy7o2XkzUu1yS5cVbqf8w9Lr6HdNaEgQ"  # noqa: S105


class OAuthClient(ResponseModel):
    """An application that may request access from users."""

    id: str
    name: str
    uri: str = Field(description="Its home page; may be empty.")
    redirect_uris: list[str]
    scopes: ScopeList = Field(description="The scopes it may request.")
    grants: Annotated[list[Grant], BeforeValidator(sorted)]
    public: bool = Field(
        validation_alias="is_public", description="It has no secret, because its users could read one."
    )
    trusted: bool = Field(validation_alias="is_trusted", description="Users are not asked for consent.")
    disabled: bool = Field(validation_alias="is_disabled", description="Its tokens and requests are rejected.")
    created_at: CreatedAt

    model_config = ConfigDict(json_schema_extra={"examples": [_CLIENT_EXAMPLE]})


class OAuthClients(ResponseModel):
    """By name."""

    items: list[OAuthClient]


class CreatedOAuthClient(OAuthClient):
    """A new application with its secret."""

    client_secret: str | None = Field(description="Shown only once; null for a public application.")

    model_config = ConfigDict(json_schema_extra={"examples": [_CLIENT_EXAMPLE | {"client_secret": _SECRET_EXAMPLE}]})


class ClientSecret(BaseModel):
    client_secret: str = Field(examples=[_SECRET_EXAMPLE], description="Shown only once; replaces the previous one.")


class NewOAuthClient(RequestModel):
    id: str | None = Field(default=None, examples=["photo-album"], description="Null to generate one.")
    name: str = Field(examples=["Photo album"])
    uri: str = Field(default="", examples=["https://album.example.org"])
    redirect_uris: RedirectUris = Field(default_factory=list)
    scopes: list[Scope] = Field(examples=[["classify", "history:read"]])
    grants: list[Grant] = Field(examples=[["authorization_code", "refresh_token"]])
    public: bool = Field(examples=[False])
    trusted: bool = False


class OAuthClientChange(RequestModel):
    """Omitted fields do not change."""

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
        return OAuthClients(items=clients)

    @router.post(
        "",
        operation_id="create_client",
        status_code=201,
        responses=problems(*SIGNED_IN, *READS_BODY),
        summary="Register an application",
    )
    async def create_client(body: NewOAuthClient, admin: Admin, source: Source) -> CreatedOAuthClient:
        client, secret = await auth.workers.run(
            auth.clients.create, **body.model_dump(), actor_id=user_of(admin).id, source=source
        )
        return CreatedOAuthClient(**OAuthClient.model_validate(client).model_dump(), client_secret=secret)

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
        return OAuthClient.model_validate(client)

    @router.patch(
        "/{id}",
        operation_id="change_client",
        responses=problems(*SIGNED_IN, *READS_BODY, 404),
        summary="Change an application",
    )
    async def change_client(id: ClientId, body: OAuthClientChange, admin: Admin, source: Source) -> OAuthClient:  # noqa: A002
        client = await auth.workers.run(
            auth.clients.update,
            id,
            **body.model_dump(),
            actor_id=user_of(admin).id,
            source=source,
        )
        auth.authenticator.invalidate_all()
        return OAuthClient.model_validate(client)

    @router.delete(
        "/{id}",
        operation_id="delete_client",
        status_code=204,
        responses=problems(*SIGNED_IN, 404, 422),
        summary="Delete an application and its grants",
    )
    async def delete_client(id: ClientId, admin: Admin, source: Source) -> None:  # noqa: A002
        actor_id = user_of(admin).id
        await auth.workers.run(auth.clients.delete, id, actor_id=actor_id, source=source)
        auth.authenticator.invalidate_all()

    @router.post(
        "/{id}/secret",
        operation_id="rotate_client_secret",
        responses=problems(*SIGNED_IN, 404, 422),
        summary="Rotate the secret of an application",
    )
    async def rotate_client_secret(id: ClientId, admin: Admin, source: Source) -> ClientSecret:  # noqa: A002
        actor_id = user_of(admin).id
        secret = await auth.workers.run(auth.clients.rotate_secret, id, actor_id=actor_id, source=source)
        return ClientSecret(client_secret=secret)

    return router
