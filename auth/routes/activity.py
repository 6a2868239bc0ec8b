"""What happened to a person's account, for them to see."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from auth.audit import AuditRecord
from auth.http.permissions import SignedIn, user_of
from auth.routes.problems import SIGNED_IN, problems
from auth.routes.schemas import PAGE, Before, NextBefore, moment

if TYPE_CHECKING:
    from auth.service import Auth

SIGNED_IN_ONCE: Final[JsonDict] = {
    "id": 341,
    "at": "2026-01-31T12:00:00Z",
    "event": "user.signed_in",
    "address": "203.0.113.7",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "client_id": "",
    "detail": {},
}


class ActivityEntry(BaseModel):
    """One thing that happened."""

    id: int
    at: datetime
    event: str
    address: str = Field(description="Where from; empty where it was an administrator's doing.")
    user_agent: str
    client_id: str = Field(description="The application that it is about; mostly empty.")
    detail: dict[str, Any]

    model_config = ConfigDict(json_schema_extra={"examples": [SIGNED_IN_ONCE]})

    @classmethod
    def of(cls, entry: AuditRecord) -> "ActivityEntry":
        by_themselves = entry.actor_id in {None, entry.user_id}
        return cls(
            id=entry.id,
            at=moment(entry.at_us),
            event=entry.event,
            address=entry.address if by_themselves else "",
            user_agent=entry.user_agent if by_themselves else "",
            client_id=entry.client_id,
            detail=entry.detail,
        )


class Activity(BaseModel):
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
        summary="What happened to your account",
    )
    async def list_activity(principal: SignedIn, before: Before = None) -> Activity:
        user_id = user_of(principal).id
        entries = await auth.workers.run(auth.audit.entries, user_id=user_id, before_id=before, limit=PAGE + 1)
        return Activity(
            items=[ActivityEntry.of(entry) for entry in entries[:PAGE]],
            next_before=entries[PAGE - 1].id if len(entries) > PAGE else None,
        )

    return router
