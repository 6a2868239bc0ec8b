"""The original's accounts API, in the form of Djoser: ``/auth/users/…``, ``/auth/password/``, ``/auth/token/…``."""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, Request, Response

from auth.errors import InvalidLogin
from auth.http.permissions import SignedIn, public, user_of
from auth.principal import User
from auth.routes.djoser_schemas import (
    BODY_ERRORS,
    Deletion,
    DjoserUser,
    Login,
    NewPassword,
    ProfileChange,
    Registration,
    Token,
    errors,
    reads,
)
from auth.routes.rest_framework.body import body_of
from auth.routes.rest_framework.fields import Fields
from auth.routes.rest_framework.route import RestFrameworkRoute, finish_router
from auth.routes.schemas import private
from auth.users import emails, usernames
from auth.users.accounts import CANNOT_LOG_IN, AccountService

if TYPE_CHECKING:
    from auth.service import Auth

INVALID_EMAIL = "Enter a valid email address."
_PAGE_SIZE = 500


def djoser_routes(auth: "Auth") -> APIRouter:
    """Under ``/auth``; with a slash at the end, as Django has it, or without."""
    router = APIRouter(
        prefix="/auth", route_class=RestFrameworkRoute, tags=["original"], dependencies=[Depends(private)]
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
        summary="Make an account",
    )
    @public
    async def register(request: Request) -> DjoserUser:
        auth.accounts.refuse_where_closed()
        fields = Fields(await body_of(request))
        email = fields.text_or_none("email", may_be_blank=True, check=emails.email_errors, invalid=INVALID_EMAIL)
        username = fields.text("username", check=usernames.username_errors)
        password = fields.text("password")
        fields.raise_errors()
        user = await auth.workers.run_hashing(
            auth.accounts.register, username, password, email or "", source=auth.request_source(request)
        )
        return DjoserUser.of(user)

    @router.head("/users/", include_in_schema=False)
    @router.get(
        "/users/",
        operation_id="djoser_users",
        responses=errors(401, 403, 503),
        summary="Yourself; all users for an admin",
    )
    async def users(principal: SignedIn) -> list[DjoserUser]:
        asking = user_of(principal)
        everybody = asking.role == "admin"
        found = await auth.workers.run(_everybody, auth.accounts) if everybody else [asking]
        return [DjoserUser.of(user) for user in found]


def _add_own(router: APIRouter, auth: "Auth") -> None:
    @router.head("/users/me/", include_in_schema=False)
    @router.get(
        "/users/me/",
        operation_id="djoser_me",
        responses=errors(401, 403, 503),
        summary="Who you are",
    )
    async def me(principal: SignedIn) -> DjoserUser:
        return DjoserUser.of(user_of(principal))

    @router.put("/users/me/", include_in_schema=False)
    @router.patch(
        "/users/me/",
        operation_id="djoser_change_me",
        responses=errors(*BODY_ERRORS, 401, 403, 503),
        openapi_extra=reads(ProfileChange),
        summary="Change your e-mail address",
    )
    async def change_me(principal: SignedIn, request: Request) -> DjoserUser:
        user = user_of(principal)
        fields = Fields(await body_of(request))
        email = fields.text_or_none("email", may_be_blank=True, check=emails.email_errors, invalid=INVALID_EMAIL)
        fields.raise_errors()
        source = auth.request_source(request)
        changed = await auth.workers.run(auth.accounts.update, user.id, email=email, source=source)
        auth.authenticator.invalidate_user(user.id)
        return DjoserUser.of(changed)

    @router.delete(
        "/users/me/",
        operation_id="djoser_delete_me",
        status_code=204,
        responses=errors(*BODY_ERRORS, 401, 403, 429, 503),
        openapi_extra=reads(Deletion),
        summary="Delete your account",
    )
    async def delete_me(principal: SignedIn, request: Request) -> Response:
        user = user_of(principal)
        password = _current_password(Fields(await body_of(request)), user)
        source = auth.request_source(request)
        await auth.workers.run_hashing(auth.accounts.delete, user.id, password=password, source=source)
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
        description="Ends all other sessions and tokens of yours. Also at `/auth/password/`.",
    )
    async def set_password(principal: SignedIn, request: Request) -> Response:
        user = user_of(principal)
        fields = Fields(await body_of(request))
        new = fields.text("new_password")
        current = _current_password(fields, user)
        await auth.workers.run_hashing(
            auth.accounts.change_password,
            user.id,
            current,
            new,
            keep_id=principal.credential_id,
            source=auth.request_source(request),
        )
        auth.authenticator.invalidate_user(user.id)
        return Response(status_code=204)


def _add_tokens(router: APIRouter, auth: "Auth") -> None:
    @router.post(
        "/token/login/",
        operation_id="djoser_login",
        responses=errors(*BODY_ERRORS, 401, 429, 503),
        openapi_extra=reads(Login),
        summary="Get a token for a name and a password",
    )
    @public
    async def login(request: Request) -> Token:
        fields = Fields(await body_of(request))
        password = fields.text_or_none("password")
        username = fields.text_or_none("username")
        fields.raise_errors()
        if username is None or password is None:
            raise InvalidLogin(CANNOT_LOG_IN)
        secret = await auth.workers.run_hashing(
            auth.tokens.begin, username, password, source=auth.request_source(request)
        )
        return Token(auth_token=secret)

    @router.post(
        "/token/logout/",
        operation_id="djoser_logout",
        status_code=204,
        responses=errors(401, 403, 503),
        summary="End the token you come with",
    )
    async def logout(principal: SignedIn, request: Request) -> Response:
        user = user_of(principal)
        await auth.workers.run(auth.tokens.end, user.id, principal.credential_id, source=auth.request_source(request))
        auth.authenticator.invalidate_user(user.id)
        return Response(status_code=204)


def _current_password(fields: Fields, user: User) -> str | None:
    """Who has none need not give it. Raises InvalidFields, also for the other fields."""
    password = fields.text("current_password") if user.has_password else None
    fields.raise_errors()
    return password


def _everybody(accounts: AccountService) -> list[User]:
    """The oldest first."""
    found: list[User] = []
    while page := accounts.find(before_id=found[-1].id if found else None, limit=_PAGE_SIZE):
        found += page
    return found[::-1]
