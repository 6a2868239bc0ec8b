"""The audit log of all accounts, for administrators."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from auth.audit import AuditEvent
from auth.http.numbers import INTEGER
from auth.http.permissions import Admin
from auth.routes.activity import AUDIT_EXAMPLE, At
from auth.routes.problems import SIGNED_IN, problems
from auth.routes.schemas import PAGE_SIZE, Before, NextBefore, ResponseModel, paginate
from auth.tables import MAX_ID

if TYPE_CHECKING:
    from auth.service import Auth


class AuditEntry(ResponseModel):
    """An audit event."""

    id: int
    at: At
    event: str
    user_id: int | None = Field(description="The account concerned.")
    username: str | None = Field(description="Its current name; null if unknown or deleted.")
    actor_id: int | None = Field(description="The account that acted, usually the same; 0 for the command line.")
    address: str
    user_agent: str
    client_id: str = Field(description="The application involved; empty if none.")
    detail: dict[str, Any]

    model_config = ConfigDict(
        json_schema_extra={"examples": [AUDIT_EXAMPLE | {"user_id": 7, "username": "alice", "actor_id": 7}]}
    )


class AuditEntries(ResponseModel):
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
        user_id: Annotated[int | None, Query(ge=1, le=MAX_ID, description="Only this account."), INTEGER] = None,
        event: Annotated[AuditEvent | None, Query(description="Only this event.")] = None,
        before: Before = None,
    ) -> AuditEntries:
        return await auth.workers.run(_entries, auth, user_id, event, before)

    return router


def _entries(auth: "Auth", user_id: int | None, event: AuditEvent | None, before_id: int | None) -> AuditEntries:
    records = auth.audit.entries(user_id=user_id, event=event, before_id=before_id, limit=PAGE_SIZE + 1)
    page, next_before = paginate(records)
    usernames = auth.audit.usernames({record.user_id for record in page if record.user_id is not None})
    items = [
        AuditEntry.model_validate(asdict(record) | {"username": usernames.get(record.user_id or 0)}) for record in page
    ]
    return AuditEntries(items=items, next_before=next_before)
