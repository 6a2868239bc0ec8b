"""A user's own account: profile, password, identities, deletion."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from fastapi import APIRouter, BackgroundTasks, Response
from pydantic import ConfigDict, Field, SecretStr
from pydantic.config import JsonDict

from auth.audit import RequestSource
from auth.errors import InvalidCredential, InvalidFields
from auth.hashing_queue import HashingShare
from auth.http.permissions import CurrentUser, SignedIn, allowed, user_of
from auth.passwords.admission import Attempt
from auth.principal import Principal, Scope
from auth.routes.problems import READS_BODY, SIGNED_IN, problems
from auth.routes.schemas import USER_EXAMPLE, CreatedAt, Id, RequestModel, ResponseModel, Source, UserProfile
from auth.users.accounts import PASSWORD_MISSING

if TYPE_CHECKING:
    from auth.service import Auth

T = TypeVar("T")

CurrentPassword = Annotated[
    SecretStr | None,
    Field(examples=["a long and simple sentence"], description="Required if the user has a password."),
]
_IDENTITY_EXAMPLE: Final[JsonDict] = {
    "id": 3,
    "provider": "google",
    "title": "Google",
    "email": "alice@example.org",
    "created_at": "2026-01-31T12:00:00Z",
}


class LinkedIdentity(ResponseModel):
    """An external account that signs this user in."""

    id: int
    provider: str
    title: str
    email: str = Field(description="As the provider reports it; may be empty.")
    created_at: CreatedAt

    model_config = ConfigDict(json_schema_extra={"examples": [_IDENTITY_EXAMPLE]})


class Account(UserProfile):
    """A user with their external accounts."""

    identities: list[LinkedIdentity]

    model_config = ConfigDict(json_schema_extra={"examples": [USER_EXAMPLE | {"identities": [_IDENTITY_EXAMPLE]}]})


class AccountChange(RequestModel):
    """Omitted fields do not change."""

    username: str | None = Field(default=None, examples=["alice"])
    email: str | None = Field(default=None, examples=["alice@example.org"], description="Empty to remove it.")
    current_password: CurrentPassword = None


class AccountDeletion(RequestModel):
    current_password: CurrentPassword = None


class PasswordChange(RequestModel):
    current_password: CurrentPassword = None
    new_password: SecretStr = Field(examples=["another long and simple sentence"])


def account_routes(auth: "Auth") -> APIRouter:
    """``/v1/account`` and its identities."""
    router = APIRouter(prefix="/v1/account", tags=["account"])

    @router.get("", operation_id="get_account", responses=problems(*SIGNED_IN), summary="Your account")
    async def get_account(principal: Annotated[Principal, allowed(Scope.PROFILE)]) -> Account:
        return await auth.workers.run(account_of, auth, user_of(principal).id)

    @router.patch(
        "",
        operation_id="change_account",
        responses=problems(*SIGNED_IN, *READS_BODY, 429),
        summary="Change your name or e-mail address",
    )
    async def change_account(body: AccountChange, principal: SignedIn, source: Source) -> Account:
        user = user_of(principal)
        change = partial(_change, auth, user.id, body, source)
        account = await confirm(auth, principal, _plain(body.current_password), change, source)
        auth.authenticator.invalidate_user(user.id)
        return account

    @router.delete(
        "",
        operation_id="delete_account",
        status_code=204,
        responses=problems(*SIGNED_IN, *READS_BODY, 429),
        summary="Delete your account",
        description="Deletes your classifications, keys, tokens and all other data of yours. This cannot be undone.",
    )
    async def delete_account(
        body: AccountDeletion, principal: SignedIn, source: Source, response: Response, background: BackgroundTasks
    ) -> None:
        user = user_of(principal)
        await delete_own(auth, principal, _plain(body.current_password), source)
        auth.authenticator.invalidate_user(user.id)
        auth.cookie.clear(response)
        auth.browser_cookie.clear(response)
        background.add_task(auth.erase_user_data, user.id)

    @router.post(
        "/password",
        operation_id="change_password",
        status_code=204,
        responses=problems(*SIGNED_IN, *READS_BODY, 429),
        summary="Change your password",
        description="Revokes all other sessions and tokens, and the access of applications. API keys remain valid.",
    )
    async def change_password(body: PasswordChange, principal: SignedIn, source: Source) -> None:
        current, new = _plain(body.current_password), body.new_password.get_secret_value()
        await change_own_password(auth, principal, current, new, source)
        auth.authenticator.invalidate_user(user_of(principal).id)

    @router.delete(
        "/identities/{id}",
        operation_id="unlink_identity",
        status_code=204,
        responses=problems(*SIGNED_IN, 404, 422),
        summary="Unlink an external account",
    )
    async def unlink_identity(id: Id, user: CurrentUser, source: Source) -> None:  # noqa: A002
        await auth.workers.run(auth.identities.unlink, user.id, id, source=source)

    return router


def account_of(auth: "Auth", user_id: int) -> Account:
    """Raises InvalidCredential if the user no longer exists."""
    user = auth.accounts.get(user_id)
    if user is None:  # just deleted in another request
        raise InvalidCredential("Invalid token.")
    return Account.model_validate(asdict(user) | {"identities": auth.identities.list(user_id)})


async def confirm(
    auth: "Auth",
    principal: Principal,
    current: str | None,
    work: Callable[[Attempt | None], T],
    source: RequestSource,
) -> T:
    """Run ``work``, which checks the current password. Raises Throttled or Busy, and what ``work`` raises.

    Each session or token has its own limit, so a thief of one neither guesses much nor locks the owner out.
    """
    user, id_ = user_of(principal), principal.credential_id
    if current is not None:
        return await auth.passwords.confirm(user.username, current, work, source=source, credential_id=id_)
    return await auth.workers.run_hashing(HashingShare(f"credential:{id_}", is_preferred=True), work, None)


async def change_own_password(
    auth: "Auth", principal: Principal, current: str | None, new: str, source: RequestSource
) -> None:
    """Raises InvalidFields, Throttled or Busy."""
    user_id, change = user_of(principal).id, auth.accounts.change_password
    keep_id = principal.credential_id
    await confirm(
        auth, principal, current, lambda attempt: change(user_id, attempt, new, keep_id=keep_id, source=source), source
    )


async def delete_own(auth: "Auth", principal: Principal, current: str | None, source: RequestSource) -> None:
    """Raises InvalidFields, Throttled, Busy, or PermissionDenied for the only admin."""
    user_id, delete = user_of(principal).id, auth.accounts.delete
    await confirm(auth, principal, current, lambda attempt: delete(user_id, current=attempt, source=source), source)


def _change(auth: "Auth", user_id: int, body: AccountChange, source: RequestSource, attempt: Attempt | None) -> Account:
    account = account_of(auth, user_id)
    if body.username is None and body.email is None:
        return account
    if account.has_password:
        if attempt is None:
            raise InvalidFields(PASSWORD_MISSING)
        auth.accounts.check_password(user_id, attempt, source=source)
    auth.accounts.update(user_id, username=body.username, email=body.email, source=source)
    return account_of(auth, user_id)


def _plain(password: SecretStr | None) -> str | None:
    return None if password is None else password.get_secret_value()
