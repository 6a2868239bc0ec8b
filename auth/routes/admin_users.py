"""All accounts, for administrators."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, BackgroundTasks, Query
from pydantic import ConfigDict, Field

from auth.errors import ResourceNotFound
from auth.http.permissions import Admin, user_of
from auth.principal import Role, User
from auth.routes.problems import READS_BODY, SIGNED_IN, problems
from auth.routes.schemas import (
    PAGE_SIZE,
    USER_EXAMPLE,
    Before,
    Id,
    NextBefore,
    RequestModel,
    ResponseModel,
    Source,
    UserProfile,
    paginate,
)
from auth.users.directory import deny_own_account

if TYPE_CHECKING:
    from auth.audit import RequestSource
    from auth.service import Auth

Search = Annotated[str, Query(alias="q", max_length=254, description="Part of a name or an e-mail address.")]


class AdminUser(UserProfile):
    """An account as administrators see it."""

    disabled: bool = Field(validation_alias="is_disabled", description="The user cannot sign in.")

    model_config = ConfigDict(json_schema_extra={"examples": [USER_EXAMPLE | {"disabled": False}]})


class AdminUsers(ResponseModel):
    """Newest first."""

    items: list[AdminUser]
    next_before: NextBefore


class AdminUserChange(RequestModel):
    """Omitted fields do not change."""

    role: Role | None = Field(default=None, examples=["admin"])
    disabled: bool | None = Field(default=None, examples=[True])


def admin_user_routes(auth: "Auth") -> APIRouter:
    """``/v1/admin/users``."""
    router = APIRouter(prefix="/v1/admin/users", tags=["admin"])

    @router.get("", operation_id="list_users", responses=problems(*SIGNED_IN, 422), summary="Accounts, newest first")
    async def list_users(_admin: Admin, text: Search = "", before: Before = None) -> AdminUsers:
        page, next_before = paginate(await auth.workers.run(auth.accounts.find, text, before, PAGE_SIZE + 1))
        return AdminUsers(items=page, next_before=next_before)

    @router.patch(
        "/{id}",
        operation_id="change_user",
        responses=problems(*SIGNED_IN, *READS_BODY, 404),
        summary="Change the role of an account, disable or enable it",
        description="Disabling an account signs the user out everywhere. Your own account cannot be changed here.",
    )
    async def change_user(id: Id, body: AdminUserChange, admin: Admin, source: Source) -> AdminUser:  # noqa: A002
        actor_id = user_of(admin).id
        user = await auth.workers.run(_change, auth, id, body, actor_id, source)
        auth.authenticator.invalidate_user(id)
        return AdminUser.model_validate(user)

    @router.delete(
        "/{id}",
        operation_id="delete_user",
        status_code=204,
        responses=problems(*SIGNED_IN, 404, 422),
        summary="Delete an account and all its data",
        description="Not your own account.",
    )
    async def delete_user(id: Id, admin: Admin, source: Source, background: BackgroundTasks) -> None:  # noqa: A002
        actor_id = user_of(admin).id
        deny_own_account(id, actor_id)
        await auth.workers.run(auth.accounts.delete, id, actor_id=actor_id, source=source)
        auth.authenticator.invalidate_user(id)
        background.add_task(auth.erase_user_data, id)

    return router


def _change(auth: "Auth", user_id: int, body: AdminUserChange, actor_id: int, source: "RequestSource") -> User:
    """Raises ResourceNotFound or PermissionDenied."""
    if body.role is not None:
        auth.accounts.set_role(user_id, body.role, actor_id=actor_id, source=source)
    if body.disabled is not None:
        auth.accounts.set_disabled(user_id, body.disabled, actor_id=actor_id, source=source)
    user = auth.accounts.get(user_id)
    if user is None:
        raise ResourceNotFound("There is no such user.")
    return user
