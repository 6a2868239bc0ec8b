"""What a person sees and changes of their own account."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, BackgroundTasks, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.config import JsonDict

from auth.audit import RequestSource
from auth.errors import InvalidCredential, InvalidFields
from auth.external import identities
from auth.http.permissions import SignedIn, allowed, user_of
from auth.principal import Principal, Scope
from auth.routes.problems import READS_BODY, SIGNED_IN, problems
from auth.routes.schemas import ALICE, Body, Id, User, moment
from auth.users.accounts import PASSWORD_MISSING

if TYPE_CHECKING:
    from auth.service import Auth

CurrentPassword = Annotated[
    SecretStr | None,
    Field(examples=["a long and simple sentence"], description="Needed of who has a password."),
]
IDENTITY: Final[JsonDict] = {
    "id": 3,
    "provider": "google",
    "title": "Google",
    "email": "alice@example.org",
    "created_at": "2026-01-31T12:00:00Z",
}


class Identity(BaseModel):
    """An account elsewhere that signs this one in."""

    id: int
    provider: str
    title: str
    email: str = Field(description="As they know it; may be empty.")
    created_at: datetime

    model_config = ConfigDict(json_schema_extra={"examples": [IDENTITY]})

    @classmethod
    def of(cls, identity: identities.Identity) -> "Identity":
        return cls(
            id=identity.id,
            provider=identity.provider,
            title=identity.title,
            email=identity.email,
            created_at=moment(identity.created_us),
        )


class Account(User):
    """A user, and who else signs them in."""

    identities: list[Identity]

    model_config = ConfigDict(json_schema_extra={"examples": [ALICE | {"identities": [IDENTITY]}]})


class AccountChange(Body):
    """What is left out stays."""

    username: str | None = Field(default=None, examples=["alice"])
    email: str | None = Field(default=None, examples=["alice@example.org"], description="Empty: none.")
    current_password: CurrentPassword = None


class AccountDeletion(Body):
    current_password: CurrentPassword = None


class PasswordChange(Body):
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
    async def change_account(body: AccountChange, principal: SignedIn, request: Request) -> Account:
        user_id = user_of(principal).id
        account = await auth.workers.run_hashing(_change, auth, user_id, body, auth.request_source(request))
        auth.authenticator.invalidate_user(user_id)
        return account

    @router.delete(
        "",
        operation_id="delete_account",
        status_code=204,
        responses=problems(*SIGNED_IN, *READS_BODY, 429),
        summary="Delete your account",
        description="With your classifications, keys, tokens and all else that is yours. There is no way back.",
    )
    async def delete_account(
        body: AccountDeletion, principal: SignedIn, request: Request, response: Response, afterwards: BackgroundTasks
    ) -> None:
        user_id, password = user_of(principal).id, _plain(body.current_password)
        source = auth.request_source(request)
        await auth.workers.run_hashing(auth.accounts.delete, user_id, password=password, source=source)
        auth.authenticator.invalidate_user(user_id)
        auth.cookie.clear(response)
        afterwards.add_task(auth.erase_user_data, user_id)

    @router.post(
        "/password",
        operation_id="change_password",
        status_code=204,
        responses=problems(*SIGNED_IN, *READS_BODY, 429),
        summary="Change your password",
        description="Signs you out everywhere else, applications too. API keys go on working.",
    )
    async def change_password(body: PasswordChange, principal: SignedIn, request: Request) -> None:
        user_id = user_of(principal).id
        await auth.workers.run_hashing(
            auth.accounts.change_password,
            user_id,
            _plain(body.current_password),
            body.new_password.get_secret_value(),
            keep_id=principal.credential_id,
            source=auth.request_source(request),
        )
        auth.authenticator.invalidate_user(user_id)

    @router.delete(
        "/identities/{id}",
        operation_id="unlink_identity",
        status_code=204,
        responses=problems(*SIGNED_IN, 404, 422),
        summary="Sign in with them no more",
    )
    async def unlink_identity(id: Id, principal: SignedIn, request: Request) -> None:  # noqa: A002
        user_id = user_of(principal).id
        await auth.workers.run(auth.identities.unlink, user_id, id, source=auth.request_source(request))

    return router


def account_of(auth: "Auth", user_id: int) -> Account:
    """Raises InvalidCredential where there is none any more."""
    user = auth.accounts.get(user_id)
    if user is None:  # deleted a moment ago, elsewhere
        raise InvalidCredential("Invalid token.")
    linked = [Identity.of(identity) for identity in auth.identities.list(user_id)]
    return Account(**User.of(user).model_dump(), identities=linked)


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
