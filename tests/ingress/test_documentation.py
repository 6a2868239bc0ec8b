"""The API's description of itself says who may use what."""

from pathlib import Path
from typing import Any

import pytest

from auth.principal import Scope
from tests.ingress.graph import Graph, prepare, running

FREE = {"/api/v1/top", "/api/v1/models", "/api/report", "/api/health", "/api/health/ready"}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    graph = prepare(tmp_path_factory.mktemp("graph"), public_url="https://raylens.example.org")
    return graph.app.openapi()


def ways(document: Any, method: str, path: str) -> list[dict[str, list[str]]]:
    security: list[dict[str, list[str]]] = document["paths"][path][method].get("security", [])
    return security


def test_the_ways_in(document: Any) -> None:
    schemes = document["components"]["securitySchemes"]
    flow = schemes["oauth2"]["flows"]["authorizationCode"]
    assert flow["authorizationUrl"] == "https://raylens.example.org/oauth/authorize"
    assert set(flow["scopes"]) == set(Scope)
    assert schemes["session"]["name"] == "__Host-raylens_session"
    assert schemes["bearer"]["scheme"] == "bearer"


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("get", "/api/v1/classifications", "history:read"),
        ("get", "/api/v1/classifications/export", "history:read"),
        ("delete", "/api/v1/classifications/{classification_id}", "history:write"),
        ("get", "/api/v1/admin/users", "admin"),
    ],
)
def test_what_needs_a_scope_says_so(document: Any, method: str, path: str, scope: str) -> None:
    assert {"oauth2": [scope]} in ways(document, method, path)
    assert {"bearer": []} in ways(document, method, path)
    assert {} not in ways(document, method, path), "nobody without anything"


@pytest.mark.parametrize("path", ["/api/v1/classifications", "/api/classify-image"])
def test_classifying_takes_a_credential_or_none(document: Any, path: str) -> None:
    assert {} in ways(document, "post", path)
    assert {"oauth2": ["classify"]} in ways(document, "post", path)


def test_what_is_ones_own_is_lent_to_no_application(document: Any) -> None:
    own = ways(document, "post", "/api/v1/account/keys")
    assert own
    assert not any("oauth2" in way for way in own)


@pytest.mark.parametrize("path", sorted(FREE))
def test_what_is_free_asks_for_nothing(document: Any, path: str) -> None:
    assert ways(document, "get", path) == []


async def test_the_page_to_try_it(tmp_path: Path) -> None:
    async with running(tmp_path) as graph:
        page = await graph.client.get("/api/docs")
        assert page.status_code == 200
        for address in ("/api/openapi.json", "/api/docs/oauth2-redirect", "/api/docs/assets/swagger-ui-bundle.js"):
            assert address in page.text
            assert (await graph.client.get(address)).status_code == 200
        assert '"usePkceWithAuthorizationCodeGrant": true' in page.text, "the server asks for PKCE"


async def test_a_route_that_says_nothing_stops_the_start(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve_app.ingress.api.read_routes", _silent)
    with pytest.raises(RuntimeError, match="/api/v1/silent"):
        prepare(Path(graph.gateway.settings.data_dir))


def _silent(*_: object) -> Any:
    from fastapi import APIRouter

    router = APIRouter()

    @router.get("/v1/silent")
    async def silent() -> None:
        return None

    return router
