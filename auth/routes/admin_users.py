"""Accounts of all people, for administrators."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Request
from pydantic import BaseModel, ConfigDict, Field

import auth.principal
from auth.errors import PermissionDenied, ResourceNotFound
from auth.http.permissions import Admin, user_of
from auth.principal import Role
from auth.routes.problems import READS_BODY, SIGNED_IN, problems
from auth.routes.schemas import ALICE, PAGE, Before, Body, Id, NextBefore, User

if TYPE_CHECKING:
    from auth.audit import RequestSource
    from auth.service import Auth

Search = Annotated[str, Query(alias="q", max_length=254, description="Part of a name or an e-mail address.")]


class AdminUser(User):
    """An account, as administrators see it."""

    disabled: bool = Field(description="They do not get in.")

    model_config = ConfigDict(json_schema_extra={"examples": [ALICE | {"disabled": False}]})

    @classmethod
    def of(cls, user: "auth.principal.User") -> "AdminUser":
        return cls(**User.of(user).model_dump(), disabled=user.is_disabled)


class AdminUsers(BaseModel):
    """Newest first."""

    items: list[AdminUser]
    next_before: NextBefore


class AdminUserChange(Body):
    """What is left out stays."""

    role: Role | None = Field(default=None, examples=["admin"])
    disabled: bool | None = Field(default=None, examples=[True])


def admin_user_routes(auth: "Auth") -> APIRouter:
    """``/v1/admin/users``."""
    router = APIRouter(prefix="/v1/admin/users", tags=["admin"])

    @router.get("", operation_id="list_users", responses=problems(*SIGNED_IN, 422), summary="Accounts, newest first")
    async def list_users(_admin: Admin, text: Search = "", before: Before = None) -> AdminUsers:
        users = await auth.workers.run(auth.accounts.find, text, before, PAGE + 1)
        return AdminUsers(
            items=[AdminUser.of(user) for user in users[:PAGE]],
            next_before=users[PAGE - 1].id if len(users) > PAGE else None,
        )

    @router.patch(
        "/{id}",
        operation_id="change_user",
        responses=problems(*SIGNED_IN, *READS_BODY, 404),
        summary="Change an account's role, keep somebody out or let them in again",
        description="Who is kept out is signed out everywhere. Not for one's own account.",
    )
    async def change_user(id: Id, body: AdminUserChange, admin: Admin, request: Request) -> AdminUser:  # noqa: A002
        actor_id, source = user_of(admin).id, auth.request_source(request)
        user = await auth.workers.run(_change, auth, id, body, actor_id, source)
        auth.authenticator.invalidate_user(id)
        return AdminUser.of(user)

    @router.delete(
        "/{id}",
        operation_id="delete_user",
        status_code=204,
        responses=problems(*SIGNED_IN, 404, 422),
        summary="Delete an account with all that is its user's",
        description="Not one's own.",
    )
    async def delete_user(id: Id, admin: Admin, request: Request, afterwards: BackgroundTasks) -> None:  # noqa: A002
        actor_id, source = user_of(admin).id, auth.request_source(request)
        if id == actor_id:
            raise PermissionDenied("Nobody does this to their own account; another admin can.")
        await auth.workers.run(auth.accounts.delete, id, actor_id=actor_id, source=source)
        auth.authenticator.invalidate_user(id)
        afterwards.add_task(auth.erase_user_data, id)

    return router


def _change(
    auth: "Auth", user_id: int, body: AdminUserChange, actor_id: int, source: "RequestSource"
) -> "auth.principal.User":
    """Raises ResourceNotFound or PermissionDenied."""
    if body.role is not None:
        auth.accounts.set_role(user_id, body.role, actor_id=actor_id, source=source)
    if body.disabled is not None:
        auth.accounts.set_disabled(user_id, body.disabled, actor_id=actor_id, source=source)
    user = auth.accounts.get(user_id)
    if user is None:
        raise ResourceNotFound("There is no such user.")
    return user
