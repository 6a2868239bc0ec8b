"""The API documentation states the security of every route."""

from pathlib import Path
from typing import Any

import pytest

from auth.principal import Scope
from tests.ingress.graph import Graph, prepare, running

PUBLIC = ("/api/v1/models", "/api/health", "/api/health/ready")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    graph = prepare(tmp_path_factory.mktemp("graph"), public_url="https://raylens.example.org")
    return graph.app.openapi()


def security(document: Any, method: str, path: str) -> list[dict[str, list[str]]]:
    requirements: list[dict[str, list[str]]] = document["paths"][path][method].get("security", [])
    return requirements


def test_security_schemes(document: Any) -> None:
    schemes = document["components"]["securitySchemes"]
    flow = schemes["oauth2"]["flows"]["authorizationCode"]
    assert flow["authorizationUrl"] == "https://raylens.example.org/oauth/authorize"
    assert set(flow["scopes"]) == set(Scope)
    assert schemes["session"]["name"] == "__Host-raylens_session"
    assert schemes["bearer"]["scheme"] == "bearer"


def test_routes_that_require_a_scope(document: Any) -> None:
    for method, path, scope in (
        ("get", "/api/v1/classifications", "history:read"),
        ("get", "/api/v1/classifications/export", "history:read"),
        ("delete", "/api/v1/classifications/{classification_id}", "history:write"),
        ("get", "/api/v1/admin/users", "admin"),
    ):
        assert {"oauth2": [scope]} in security(document, method, path)
        assert {"bearer": []} in security(document, method, path)
        assert {} not in security(document, method, path), "credentials are required"


def test_credentials_are_optional_for_classification_and_top_10(document: Any) -> None:
    assert {} in security(document, "get", "/api/v1/top")
    assert {} in security(document, "get", "/api/report")
    for path in ("/api/v1/classifications", "/api/classify-image"):
        assert {} in security(document, "post", path)
        assert {"oauth2": ["classify"]} in security(document, "post", path)


def test_account_routes_are_not_available_to_applications(document: Any) -> None:
    requirements = security(document, "post", "/api/v1/account/keys")
    assert requirements
    assert not any("oauth2" in requirement for requirement in requirements)


def test_public_routes_have_no_security(document: Any) -> None:
    assert [security(document, "get", path) for path in PUBLIC] == [[]] * len(PUBLIC)


async def test_the_documentation_page(tmp_path: Path) -> None:
    async with running(tmp_path) as graph:
        page = await graph.client.get("/api/docs")
        assert page.status_code == 200
        for address in ("/api/openapi.json", "/api/docs/oauth2-redirect", "/api/docs/assets/swagger-ui-bundle.js"):
            assert address in page.text
            assert (await graph.client.get(address)).status_code == 200
        assert '"usePkceWithAuthorizationCodeGrant": true' in page.text, "the server asks for PKCE"


async def test_a_route_without_an_access_rule_prevents_the_start(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
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
