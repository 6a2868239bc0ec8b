"""Devices on which a user consented to native applications, such as the command line."""

from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from auth.http.permissions import CurrentUser
from auth.routes.problems import SIGNED_IN, problems
from auth.routes.schemas import CreatedAt, Id, ResponseModel, ScopeList, SeenAt, Source

if TYPE_CHECKING:
    from auth.service import Auth


class KnownDevice(ResponseModel):
    """A device on which an application gets access without asking again."""

    id: int
    name: str = Field(description="What the device calls itself.")
    client_id: str
    application: str = Field(description="The application's name.")
    scopes: ScopeList = Field(description="The scopes granted there.")
    created_at: CreatedAt
    seen_at: SeenAt = Field(description="When the application last asked for access there.")
    address: str = Field(description="Client address of that request's browser.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 5,
                    "name": "alices-laptop",
                    "client_id": "raylens-cli",
                    "application": "Raylens command line",
                    "scopes": ["classify", "history:read", "history:write", "profile"],
                    "created_at": "2026-01-31T12:00:00Z",
                    "seen_at": "2026-02-01T02:00:00Z",
                    "address": "203.0.113.7",
                }
            ]
        }
    )


class KnownDevices(ResponseModel):
    """Last used first."""

    items: list[KnownDevice]


def device_routes(auth: "Auth") -> APIRouter:
    """``/v1/account/devices``."""
    router = APIRouter(prefix="/v1/account/devices", tags=["apps"])

    @router.get("", operation_id="list_devices", responses=problems(*SIGNED_IN), summary="Your devices")
    async def list_devices(user: CurrentUser) -> KnownDevices:
        return KnownDevices(items=await auth.workers.run(auth.grants.devices.list, user.id))

    @router.delete(
        "/{id}",
        operation_id="remove_device",
        status_code=204,
        responses=problems(*SIGNED_IN, 404, 422),
        summary="Remove a device",
        description="Revokes the access of the application there. It has to ask again.",
    )
    async def remove_device(id: Id, user: CurrentUser, source: Source) -> None:  # noqa: A002
        await auth.workers.run(auth.grants.remove_device, user.id, id, source=source)
        auth.authenticator.invalidate_user(user.id)

    return router
