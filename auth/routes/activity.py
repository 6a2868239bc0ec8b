"""A user's own audit log."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from auth.audit import AuditRecord
from auth.http.permissions import CurrentUser
from auth.routes.problems import SIGNED_IN, problems
from auth.routes.schemas import PAGE_SIZE, Before, FromMicroseconds, NextBefore, ResponseModel, paginate

if TYPE_CHECKING:
    from auth.service import Auth

AUDIT_EXAMPLE: Final[JsonDict] = {
    "id": 341,
    "at": "2026-01-31T12:00:00Z",
    "event": "user.signed_in",
    "address": "203.0.113.7",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "client_id": "",
    "detail": {},
}


At = Annotated[datetime, FromMicroseconds, Field(validation_alias="at_us")]


class ActivityEntry(ResponseModel):
    """An audit event of a user's own account."""

    id: int
    at: At
    event: str
    address: str = Field(description="Client address; empty for changes by an administrator.")
    user_agent: str
    client_id: str = Field(description="The application involved; empty if none.")
    detail: dict[str, Any]

    model_config = ConfigDict(json_schema_extra={"examples": [AUDIT_EXAMPLE]})

    @classmethod
    def of(cls, record: AuditRecord) -> "ActivityEntry":
        """Without the client of another actor."""
        entry = cls.model_validate(record)
        is_own = record.actor_id in {None, record.user_id}
        return entry if is_own else entry.model_copy(update={"address": "", "user_agent": ""})


class Activity(ResponseModel):
    """Newest first."""

    items: list[ActivityEntry]
    next_before: NextBefore


def activity_routes(auth: "Auth") -> APIRouter:
    """``/v1/account/activity``."""
    router = APIRouter(tags=["account"])

    @router.get(
        "/v1/account/activity",
        operation_id="list_activity",
        responses=problems(*SIGNED_IN, 422),
        summary="Audit log of your account",
    )
    async def list_activity(user: CurrentUser, before: Before = None) -> Activity:
        records = await auth.workers.run(auth.audit.entries, user_id=user.id, before_id=before, limit=PAGE_SIZE + 1)
        page, next_before = paginate(records)
        return Activity(items=[ActivityEntry.of(record) for record in page], next_before=next_before)

    return router
