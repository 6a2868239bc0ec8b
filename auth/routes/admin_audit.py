"""The log of sign-ins and changes, for administrators."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from auth.audit import AuditEvent, AuditRecord
from auth.http.permissions import Admin
from auth.routes.activity import SIGNED_IN_ONCE
from auth.routes.problems import SIGNED_IN, problems
from auth.routes.schemas import LARGEST_ID, PAGE, Before, NextBefore, moment

if TYPE_CHECKING:
    from auth.service import Auth


class AuditEntry(BaseModel):
    """One thing that happened."""

    id: int
    at: datetime
    event: str
    user_id: int | None = Field(description="Whose account it is about.")
    username: str | None = Field(description="Their name today; null for nobody and for who is deleted.")
    actor_id: int | None = Field(description="Who did it; the user themselves, mostly.")
    address: str
    user_agent: str
    client_id: str = Field(description="The application that it is about; mostly empty.")
    detail: dict[str, Any]

    model_config = ConfigDict(
        json_schema_extra={"examples": [SIGNED_IN_ONCE | {"user_id": 7, "username": "alice", "actor_id": 7}]}
    )

    @classmethod
    def of(cls, entry: AuditRecord, usernames: dict[int, str]) -> "AuditEntry":
        return cls(
            id=entry.id,
            at=moment(entry.at_us),
            event=entry.event,
            user_id=entry.user_id,
            username=None if entry.user_id is None else usernames.get(entry.user_id),
            actor_id=entry.actor_id,
            address=entry.address,
            user_agent=entry.user_agent,
            client_id=entry.client_id,
            detail=entry.detail,
        )


class AuditEntries(BaseModel):
    """Newest first."""

    items: list[AuditEntry]
    next_before: NextBefore


def admin_audit_routes(auth: "Auth") -> APIRouter:
    """``/v1/admin/audit``."""
    router = APIRouter(tags=["admin"])

    @router.get(
        "/v1/admin/audit",
        operation_id="list_audit",
        responses=problems(*SIGNED_IN, 422),
        summary="Sign-ins and changes of all accounts",
    )
    async def list_audit(
        _admin: Admin,
        user_id: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Of this account only.")] = None,
        event: Annotated[AuditEvent | None, Query(description="Of this kind only.")] = None,
        before: Before = None,
    ) -> AuditEntries:
        return await auth.workers.run(_log, auth, user_id, event, before)

    return router


def _log(auth: "Auth", user_id: int | None, event: AuditEvent | None, before_id: int | None) -> AuditEntries:
    entries = auth.audit.entries(user_id=user_id, event=event, before_id=before_id, limit=PAGE + 1)
    page = entries[:PAGE]
    usernames = auth.audit.usernames({entry.user_id for entry in page if entry.user_id is not None})
    return AuditEntries(
        items=[AuditEntry.of(entry, usernames) for entry in page],
        next_before=page[-1].id if len(entries) > PAGE else None,
    )
