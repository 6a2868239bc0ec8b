"""A user's own account: profile, password, identities, deletion."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, BackgroundTasks, Response
from pydantic import ConfigDict, Field, SecretStr
from pydantic.config import JsonDict

from auth.audit import RequestSource
from auth.errors import InvalidCredential, InvalidFields
from auth.http.permissions import CurrentUser, SignedIn, allowed, user_of
from auth.principal import Principal, Scope
from auth.routes.problems import READS_BODY, SIGNED_IN, problems
from auth.routes.schemas import USER_EXAMPLE, CreatedAt, Id, RequestModel, ResponseModel, Source, UserProfile
from auth.users.accounts import PASSWORD_MISSING

if TYPE_CHECKING:
    from auth.service import Auth

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
    async def change_account(body: AccountChange, user: CurrentUser, source: Source) -> Account:
        account = await auth.workers.run_hashing(_change, auth, user.id, body, source)
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
        body: AccountDeletion, user: CurrentUser, source: Source, response: Response, background: BackgroundTasks
    ) -> None:
        password = _plain(body.current_password)
        await auth.workers.run_hashing(auth.accounts.delete, user.id, password=password, source=source)
        auth.authenticator.invalidate_user(user.id)
        auth.cookie.clear(response)
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
        user_id = user_of(principal).id
        await auth.workers.run_hashing(
            auth.accounts.change_password,
            user_id,
            _plain(body.current_password),
            body.new_password.get_secret_value(),
            keep_id=principal.credential_id,
            source=source,
        )
        auth.authenticator.invalidate_user(user_id)

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


def _change(auth: "Auth", user_id: int, body: AccountChange, source: RequestSource) -> Account:
    account = account_of(auth, user_id)
    if body.username is None and body.email is None:
        return account
    if account.has_password:
        if body.current_password is None:
            raise InvalidFields(PASSWORD_MISSING)
        auth.accounts.check_password(user_id, body.current_password.get_secret_value(), source=source)
    auth.accounts.update(user_id, username=body.username, email=body.email, source=source)
    return account_of(auth, user_id)


def _plain(password: SecretStr | None) -> str | None:
    return None if password is None else password.get_secret_value()
