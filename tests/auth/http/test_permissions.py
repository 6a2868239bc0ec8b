"""Routes have to say who may use them, and nobody else does."""

from typing import Annotated, Any

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


@pytest.mark.parametrize("endpoint", [open_to_all, scoped, signed_in])
@pytest.mark.parametrize("included", [False, True])
def test_a_route_that_says_it_is_let_be(app: FastAPI, endpoint: Any, included: bool) -> None:
    router = APIRouter() if included else app.router
    router.add_api_route("/some", endpoint)
    if included:
        app.include_router(router, prefix="/api")
    require_access_rules(app)


def test_a_route_that_says_nothing_stops_the_start(app: FastAPI) -> None:
    app.add_api_route("/silent", silent)
    app.add_api_route("/open", open_to_all)
    with pytest.raises(RuntimeError, match=r"who may use them: /silent$"):
        require_access_rules(app)


def test_a_route_of_a_router_in_a_router_is_seen(app: FastAPI) -> None:
    inner, outer = APIRouter(prefix="/inner"), APIRouter()
    inner.add_api_route("/silent", silent)
    outer.include_router(inner)
    app.include_router(outer, prefix="/api")
    with pytest.raises(RuntimeError, match=r"/api/inner/silent$"):
        require_access_rules(app)


def test_what_the_inclusion_demands_counts(app: FastAPI) -> None:
    router = APIRouter()
    router.add_api_route("/silent", silent)
    app.include_router(router, dependencies=[allowed(Scope.ADMIN)])
    require_access_rules(app)


def test_mounted_routes_are_seen(app: FastAPI) -> None:
    app.router.routes.append(Mount("/mounted", routes=[Route("/open", open_to_all), Route("/silent", silent)]))
    with pytest.raises(RuntimeError, match=r"them: /silent$"):
        require_access_rules(app)


def test_what_is_no_route_of_http_has_to_say_it_too(app: FastAPI) -> None:
    app.add_api_websocket_route("/socket", socket)
    with pytest.raises(RuntimeError, match=r"/socket$"):
        require_access_rules(app)


PERSON = User(7, "alice", "", "user", 0, True)


def principal(kind: CredentialKind, *scopes: str, user: User | None = PERSON) -> Principal:
    return Principal(kind, user, "", frozenset(scopes), 1, 1 << 62)


def test_with_all_of_the_scopes_they_are_let_through() -> None:
    whole = principal("key", "classify", "history:read", "profile")
    assert require(whole, Scope.CLASSIFY, Scope.HISTORY_READ) is whole


def test_the_challenge_names_what_is_missing() -> None:
    with pytest.raises(InsufficientScope) as caught:
        require(principal("access", "classify"), Scope.HISTORY_WRITE, Scope.CLASSIFY, Scope.HISTORY_READ)
    assert caught.value.challenge == 'Bearer error="insufficient_scope", scope="history:read history:write"'


def test_nobody_is_sent_to_sign_in() -> None:
    with pytest.raises(NotAuthenticated) as caught:
        require(None)
    assert caught.value.challenge == "Bearer"


def test_an_application_on_its_own_has_no_account() -> None:
    assert user_of(principal("access")) is PERSON
    with pytest.raises(PermissionDenied):
        user_of(principal("access", user=None))


class Gate:
    """A authenticator that knows one principal."""

    def __init__(self, who: Principal | None) -> None:
        self.who = who

    async def principal_of(self, _request: object) -> Principal | None:
        return self.who


@pytest.mark.parametrize(("kind", "status"), [("session", 200), ("token", 200), ("key", 403), ("access", 403)])
async def test_an_account_is_lent_to_nobody(app: FastAPI, kind: CredentialKind, status: int) -> None:
    app.add_api_route("/account", signed_in)
    app.add_exception_handler(AuthError, lambda _, error: Response(status_code=error.status))
    app.state.authenticator = Gate(principal(kind, *Scope))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://raylens") as client:
        assert (await client.get("/account")).status_code == status
