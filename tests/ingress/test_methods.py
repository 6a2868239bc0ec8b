"""HEAD, OPTIONS, 405 and trailing slashes, for every route of the application."""

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from auth.principal import Scope
from serve_app.ingress.web import _DIST
from tests.auth.user_factory import UserFactory
from tests.fetch.server import Server, respond
from tests.ingress.graph import LITE0, Graph
from tests.ingress.pictures import RED, picture
from tests.ingress.tokens import bearer

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
VALUES = {"name": LITE0, "path": "swagger-ui.css"}
CHANGING = ("/api/v1/pipeline",)
"""Paths whose response is another one each time."""
NO_ROUTE_CHECK = ("/oauth/authorize", "/auth/external/nobody/callback")
"""GET may change something there, which HEAD must not."""


def routes(app: FastAPI) -> Iterator[tuple[re.Pattern[str], str, set[str]]]:
    """Pattern, an example of a path, and methods of every route."""
    for route in iter_route_contexts(app.routes):
        methods = {"GET"} if isinstance(route.original_route, Mount) else set(route.methods or ())
        assert route.path
        path = f"{route.path}/{{path}}" if isinstance(route.original_route, Mount) else route.path
        if path.startswith("/assets/") and _DIST.is_dir():
            path = f"/assets/{next(_DIST.glob('assets/*.js')).name}"
        yield route.path_regex, re.sub(r"{(\w+)(:\w+)?}", lambda name: VALUES.get(name[1], "nobody"), path), methods


def paths(app: FastAPI) -> dict[str, list[str]]:
    """The methods of every path, from all routes that match it, as ``Allow`` lists them."""
    known = list(routes(app))
    found = {}
    for _, path, _ in known:
        methods = {method for pattern, _, methods in known if pattern.match(path) for method in methods}
        found[path] = [name for name in METHODS if name in methods] + ["OPTIONS"]
        if "GET" in methods:
            found[path].insert(1, "HEAD")
    return found


def without_changing(response: httpx.Response) -> dict[str, str]:
    left_out = {"x-request-id"} | ({"content-length"} if response.request.url.path in CHANGING else set())
    # A login state is random.
    headers = {name: value for name, value in response.headers.items() if name not in left_out}
    return headers | ({"set-cookie": "…"} if "set-cookie" in headers else {})


@pytest.fixture
def admin(graph: Graph, factory: UserFactory) -> dict[str, str]:
    return bearer(factory.issue(factory.add(role="admin"), "token", frozenset(Scope)))


async def test_head_is_get_without_a_body(graph: Graph, admin: dict[str, str]) -> None:
    wrong = {}
    gets = [path for path, methods in paths(graph.app).items() if "GET" in methods and path not in NO_ROUTE_CHECK]
    assert {"/", "/report", "/api/docs", "/api/openapi.json", "/api/health/ready", "/auth/users/"} <= set(gets)
    for path in gets:
        for headers in ({}, admin, {"Accept": "text/html"}):
            get = await graph.client.get(path, headers=headers)
            head = await graph.client.head(path, headers=headers)
            same = without_changing(get) == without_changing(head)
            if get.status_code != head.status_code or head.content or not same:
                wrong[path] = get.status_code, head.status_code, get.headers, head.headers
    assert wrong == {}


async def test_head_of_routes_that_change_something(graph: Graph) -> None:
    for path in NO_ROUTE_CHECK:
        head = await graph.client.head(path)
        assert (head.status_code, head.headers["Cache-Control"]) == (200, "no-store")


async def test_every_405_lists_all_methods_of_the_path(graph: Graph, admin: dict[str, str]) -> None:
    wrong = {}
    for path, allowed in paths(graph.app).items():
        for method in ("BREW", "TRACE", "HEAD", *METHODS):
            if method in allowed:
                continue
            response = await graph.client.request(method, path, headers=admin)
            body = {} if method == "HEAD" else response.json()
            is_problem = body.get("code") == "method_not_allowed" or "auth/" in path or method == "HEAD"
            if response.status_code != 405 or response.headers["Allow"] != ", ".join(allowed) or not is_problem:
                wrong[method, path] = response.status_code, response.headers.get("Allow"), allowed, body
    assert wrong == {}


async def test_options_lists_the_methods(graph: Graph) -> None:
    for path, allowed in paths(graph.app).items():
        response = await graph.client.options(path)
        assert (response.status_code, response.content, response.headers["Allow"]) == (204, b"", ", ".join(allowed))
    assert (await graph.client.options("/none")).status_code == 404


async def test_the_error_says_what_is_allowed(graph: Graph) -> None:
    response = await graph.client.put("/api/v1/classifications")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["detail"] == (
        "PUT is not allowed for this path; the header Allow lists the methods that are."
    )


async def test_head_counts_and_streams_nothing(graph: Graph, factory: UserFactory) -> None:
    headers = bearer(factory.issue(factory.add(), "token", frozenset(Scope)))
    await graph.client.post("/api/v1/classifications", content=picture(RED), headers=headers)
    for path in ("/report", "/api/v1/top", "/api/v1/classifications/export", "/api/v1/classifications"):
        assert (await graph.client.head(path, headers=headers)).status_code == 200
    assert await graph.record_count() == 1
    assert (await graph.client.head("/api/v1/classifications")).status_code == 401
    assert (await graph.client.head("/classify-image")).status_code == 405


async def test_a_trailing_slash_is_ignored(graph: Graph, website: Server) -> None:
    website.answers["/red.png"] = respond(picture(RED))
    image = {"image_url": f"http://127.0.0.1:{website.port}/red.png"}
    for path in ("/classify-image/", "/api/classify-image/", "/api/v1/classifications/"):
        assert (await graph.client.post(path, json=image)).status_code == 201
    for path in ("/report/", "/health/", "/api/health/ready/", "/api/v1/models/", f"/api/v1/models/{LITE0}/"):
        assert (await graph.client.get(path)).status_code == 200
        assert (await graph.client.head(path)).status_code == 200
        assert (await graph.client.put(path)).status_code == 405
    for path in ("/none/", "/api/", "/classify-image//"):
        assert (await graph.client.post(path, json=image)).status_code == 404
