"""Every route declares its permission, and the permission is enforced."""

from collections.abc import Callable
from typing import Annotated, Any, get_args

import httpx
import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.responses import Response
from starlette.routing import Mount, Route

from auth.errors import AuthError, InsufficientScope, NotAuthenticated, PermissionDenied
from auth.http.permissions import SignedIn, allowed, public, require, require_access_rules, user_of
from auth.principal import CredentialKind, Principal, Scope, User


async def silent() -> None: ...


@public
async def open_to_all() -> None: ...


async def scoped(principal: Annotated[Principal, allowed(Scope.CLASSIFY)]) -> None: ...


async def signed_in(principal: SignedIn) -> None: ...


async def socket(websocket: WebSocket) -> None: ...


@pytest.fixture
def app() -> FastAPI:
    return FastAPI(openapi_url=None)


def test_routes_with_a_permission_are_accepted(app: FastAPI) -> None:
    router = APIRouter()
    endpoints: list[Callable[..., Any]] = [open_to_all, scoped, signed_in]
    for number, endpoint in enumerate(endpoints):
        app.router.add_api_route(f"/{number}", endpoint)
        router.add_api_route(f"/{number}", endpoint)
    app.include_router(router, prefix="/api")
    require_access_rules(app)


def test_a_route_without_a_permission_prevents_the_start(app: FastAPI) -> None:
    app.add_api_route("/silent", silent)
    app.add_api_route("/open", open_to_all)
    with pytest.raises(RuntimeError, match=r"without an access rule: /silent\."):
        require_access_rules(app)


def test_routes_of_nested_routers_are_checked(app: FastAPI) -> None:
    inner, outer = APIRouter(prefix="/inner"), APIRouter()
    inner.add_api_route("/silent", silent)
    outer.include_router(inner)
    app.include_router(outer, prefix="/api")
    with pytest.raises(RuntimeError, match=r"/api/inner/silent"):
        require_access_rules(app)


def test_dependencies_of_an_included_router_count(app: FastAPI) -> None:
    router = APIRouter()
    router.add_api_route("/silent", silent)
    app.include_router(router, dependencies=[allowed(Scope.ADMIN)])
    require_access_rules(app)


def test_mounted_routes_are_checked(app: FastAPI) -> None:
    app.router.routes.append(Mount("/mounted", routes=[Route("/open", open_to_all), Route("/silent", silent)]))
    with pytest.raises(RuntimeError, match=r"rule: /silent"):
        require_access_rules(app)


def test_websocket_routes_are_checked(app: FastAPI) -> None:
    app.add_api_websocket_route("/socket", socket)
    with pytest.raises(RuntimeError, match=r"/socket"):
        require_access_rules(app)


PERSON = User(7, "alice", "", "user", 0, True)


def principal(kind: CredentialKind, *scopes: str, user: User | None = PERSON) -> Principal:
    return Principal(kind, user, "", frozenset(scopes), 1, 1 << 62)


def test_a_principal_with_all_scopes_is_accepted() -> None:
    whole = principal("key", "classify", "history:read", "profile")
    assert require(whole, Scope.CLASSIFY, Scope.HISTORY_READ) is whole


def test_the_challenge_names_the_missing_scopes() -> None:
    with pytest.raises(InsufficientScope) as caught:
        require(principal("access", "classify"), Scope.HISTORY_WRITE, Scope.CLASSIFY, Scope.HISTORY_READ)
    assert caught.value.challenge == 'Bearer error="insufficient_scope", scope="history:read history:write"'


def test_an_anonymous_request_is_challenged() -> None:
    with pytest.raises(NotAuthenticated) as caught:
        require(None)
    assert caught.value.challenge == "Bearer"


def test_a_client_without_a_user_has_no_account() -> None:
    assert user_of(principal("access")) is PERSON
    with pytest.raises(PermissionDenied):
        user_of(principal("access", user=None))


class FixedAuthenticator:
    """Resolves every request to the same principal."""

    def __init__(self, principal: Principal | None) -> None:
        self.principal = principal

    async def principal_of(self, _request: object) -> Principal | None:
        return self.principal


async def test_accounts_are_open_to_first_party_credentials_only(app: FastAPI) -> None:
    app.add_api_route("/account", signed_in)
    app.add_exception_handler(AuthError, lambda _, error: Response(status_code=error.status))
    statuses = {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://raylens") as client:
        for kind in get_args(CredentialKind):
            app.state.authenticator = FixedAuthenticator(principal(kind, *Scope))
            statuses[kind] = (await client.get("/account")).status_code
    assert statuses == {"session": 200, "token": 200, "key": 403, "access": 403}
