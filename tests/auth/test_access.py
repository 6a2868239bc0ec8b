"""Routes that have to say who may use them."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.routing import Mount, Route

from auth.access import SignedIn, allowed, public, refuse_undeclared
from auth.principal import Principal, Scope


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
    refuse_undeclared(app)


def test_a_route_that_says_nothing_stops_the_start(app: FastAPI) -> None:
    app.add_api_route("/silent", silent)
    app.add_api_route("/open", open_to_all)
    with pytest.raises(RuntimeError, match=r"who may use them: /silent$"):
        refuse_undeclared(app)


def test_a_route_of_a_router_in_a_router_is_seen(app: FastAPI) -> None:
    inner, outer = APIRouter(prefix="/inner"), APIRouter()
    inner.add_api_route("/silent", silent)
    outer.include_router(inner)
    app.include_router(outer, prefix="/api")
    with pytest.raises(RuntimeError, match=r"/api/inner/silent$"):
        refuse_undeclared(app)


def test_what_the_inclusion_demands_counts(app: FastAPI) -> None:
    router = APIRouter()
    router.add_api_route("/silent", silent)
    app.include_router(router, dependencies=[allowed(Scope.ADMIN)])
    refuse_undeclared(app)


def test_mounted_routes_are_seen(app: FastAPI) -> None:
    app.router.routes.append(Mount("/mounted", routes=[Route("/open", open_to_all), Route("/silent", silent)]))
    with pytest.raises(RuntimeError, match=r"them: /silent$"):
        refuse_undeclared(app)


def test_what_is_no_route_of_http_has_to_say_it_too(app: FastAPI) -> None:
    app.add_api_websocket_route("/socket", socket)
    with pytest.raises(RuntimeError, match=r"/socket$"):
        refuse_undeclared(app)
