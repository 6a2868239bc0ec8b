"""Djoser-compatible accounts API: ``/auth/users/…``, ``/auth/password/``, ``/auth/token/…``."""

from functools import partial
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Depends, Request, Response

from auth.client_address import group_of
from auth.errors import InvalidLogin
from auth.hashing_queue import HashingShare
from auth.http.permissions import CurrentUser, SignedIn, public, user_of
from auth.principal import User
from auth.routes.account import change_own_password, delete_own
from auth.routes.djoser_schemas import (
    BODY_ERRORS,
    Deletion,
    DjoserUser,
    Login,
    LoginToken,
    NewPassword,
    ProfileChange,
    Registration,
    errors,
    reads,
)
from auth.routes.rest_framework.body import body_of
from auth.routes.rest_framework.fields import Fields
from auth.routes.rest_framework.route import RestFrameworkRoute, finish_router
from auth.routes.schemas import Source, no_store
from auth.users import emails, usernames
from auth.users.accounts import LOGIN_FAILED, AccountService

if TYPE_CHECKING:
    from auth.service import Auth

_INVALID_EMAIL: Final = "Enter a valid email address."
_PAGE_SIZE: Final = 500


def djoser_routes(auth: "Auth") -> APIRouter:
    """Routes under ``/auth``, with or without a trailing slash."""
    router = APIRouter(
        prefix="/auth", route_class=RestFrameworkRoute, tags=["original"], dependencies=[Depends(no_store)]
    )
    _add_users(router, auth)
    _add_own(router, auth)
    _add_tokens(router, auth)
    finish_router(router)
    return router


def _add_users(router: APIRouter, auth: "Auth") -> None:
    @router.post(
        "/users/",
        operation_id="djoser_register",
        status_code=201,
        responses=errors(*BODY_ERRORS, 401, 403, 429, 503),
        openapi_extra=reads(Registration),
        summary="Create an account",
    )
    @public
    async def register(request: Request, source: Source) -> DjoserUser:
        auth.accounts.require_registration()
        fields = Fields(await body_of(request))
        email = fields.text_or_none("email", may_be_blank=True, check=emails.email_errors, invalid=_INVALID_EMAIL)
        username = fields.text("username", check=usernames.username_errors)
        password = fields.text("password")
        fields.raise_errors()
        share, create = HashingShare(group_of(source.address)), auth.accounts.register
        user = await auth.workers.run_hashing(share, create, username, password, email or "", source=source)
        return DjoserUser.model_validate(user)

    @router.get(
        "/users/",
        operation_id="djoser_users",
        responses=errors(401, 403, 503),
        summary="Your own account; all accounts for an admin",
    )
    async def users(user: CurrentUser) -> list[DjoserUser]:
        found = await auth.workers.run(_all_users, auth.accounts) if user.role == "admin" else [user]
        return [DjoserUser.model_validate(each) for each in found]


def _add_own(router: APIRouter, auth: "Auth") -> None:
    @router.get(
        "/users/me/",
        operation_id="djoser_me",
        responses=errors(401, 403, 503),
        summary="Your own account",
    )
    async def me(user: CurrentUser) -> DjoserUser:
        return DjoserUser.model_validate(user)

    @router.put("/users/me/", include_in_schema=False)
    @router.patch(
        "/users/me/",
        operation_id="djoser_change_me",
        responses=errors(*BODY_ERRORS, 401, 403, 503),
        openapi_extra=reads(ProfileChange),
        summary="Change your e-mail address",
    )
    async def change_me(user: CurrentUser, request: Request, source: Source) -> DjoserUser:
        fields = Fields(await body_of(request))
        email = fields.text_or_none("email", may_be_blank=True, check=emails.email_errors, invalid=_INVALID_EMAIL)
        fields.raise_errors()
        changed = await auth.workers.run(auth.accounts.update, user.id, email=email, source=source)
        auth.authenticator.invalidate_user(user.id)
        return DjoserUser.model_validate(changed)

    @router.delete(
        "/users/me/",
        operation_id="djoser_delete_me",
        status_code=204,
        responses=errors(*BODY_ERRORS, 401, 403, 429, 503),
        openapi_extra=reads(Deletion),
        summary="Delete your account",
    )
    async def delete_me(principal: SignedIn, request: Request, source: Source) -> Response:
        user = user_of(principal)
        current = _current_password(Fields(await body_of(request)), user)
        await delete_own(auth, principal, current, source)
        auth.authenticator.invalidate_user(user.id)
        await auth.erase_user_data(user.id)
        return Response(status_code=204)

    @router.post("/password/", include_in_schema=False, status_code=204)
    @router.post(
        "/users/set_password/",
        operation_id="djoser_set_password",
        status_code=204,
        responses=errors(*BODY_ERRORS, 401, 403, 429, 503),
        openapi_extra=reads(NewPassword),
        summary="Change your password",
        description="Revokes your other sessions and tokens. Also at `/auth/password/`.",
    )
    async def set_password(principal: SignedIn, request: Request, source: Source) -> Response:
        user = user_of(principal)
        fields = Fields(await body_of(request))
        new = fields.text("new_password")
        current = _current_password(fields, user)
        await change_own_password(auth, principal, current, new, source)
        auth.authenticator.invalidate_user(user.id)
        return Response(status_code=204)


def _add_tokens(router: APIRouter, auth: "Auth") -> None:
    @router.post(
        "/token/login/",
        operation_id="djoser_login",
        responses=errors(*BODY_ERRORS, 401, 429, 503),
        openapi_extra=reads(Login),
        summary="Get a token for a username and password",
    )
    @public
    async def login(request: Request, source: Source) -> LoginToken:
        fields = Fields(await body_of(request))
        password = fields.text_or_none("password")
        username = fields.text_or_none("username")
        fields.raise_errors()
        if username is None or password is None:
            raise InvalidLogin(LOGIN_FAILED)
        issue, browser = partial(auth.sessions.issue_token, username, source=source), auth.browser_cookie.read(request)
        secret = await auth.passwords.sign_in(username, password, issue, source=source, browser=browser)
        return LoginToken(auth_token=secret)

    @router.post(
        "/token/logout/",
        operation_id="djoser_logout",
        status_code=204,
        responses=errors(401, 403, 503),
        summary="Revoke the token of this request",
    )
    async def logout(principal: SignedIn, source: Source) -> Response:
        user = user_of(principal)
        await auth.workers.run(auth.sessions.sign_out, user.id, principal.credential_id, source=source)
        auth.authenticator.invalidate_user(user.id)
        return Response(status_code=204)


def _current_password(fields: Fields, user: User) -> str | None:
    """None if the user has no password. Raises InvalidFields, also for the other fields."""
    password = fields.text("current_password") if user.has_password else None
    fields.raise_errors()
    return password


def _all_users(accounts: AccountService) -> list[User]:
    """Oldest first."""
    found: list[User] = []
    while page := accounts.find(before_id=found[-1].id if found else None, limit=_PAGE_SIZE):
        found += page
    return found[::-1]
