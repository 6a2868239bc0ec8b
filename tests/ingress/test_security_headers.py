"""Security headers on every kind of response."""

from pathlib import Path

import pytest

from auth.principal import Scope
from serve_app.ingress.security_headers import SECURITY_HEADERS
from tests.auth.user_factory import UserFactory
from tests.ingress.graph import Graph, running
from tests.ingress.test_methods import paths
from tests.ingress.tokens import bearer

NAMES = {name.decode() for name, _ in SECURITY_HEADERS}
OPENER = "cross-origin-opener-policy"
POPUPS = ("/oauth/", "/auth/external/")


async def test_every_response_has_them(graph: Graph, factory: UserFactory) -> None:
    """Pages, JSON, files, redirects, errors, exports and methods that are not allowed."""
    user = bearer(factory.issue(factory.add(), "token"))
    wrong = {}
    for path in [*paths(graph.app), "/none", "/top/", "/api/docs/assets/none"]:
        for method in ("GET", "HEAD", "POST", "OPTIONS", "BREW"):
            for headers in ({}, user, {"Host": "evil.example"}):
                response = await graph.client.request(method, path, headers=headers)
                missing = NAMES - response.headers.keys() - ({OPENER} if path.startswith(POPUPS) else set())
                if missing or "server" in response.headers:
                    wrong[method, path, response.status_code] = missing
    assert wrong == {}


async def test_the_response_to_an_unexpected_error_has_them(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph.gateway, "live_stats", lambda *_: 1 / 0)
    graph.client._transport.raise_app_exceptions = False  # type: ignore[attr-defined]
    response = await graph.client.get("/api/v1/pipeline")
    assert response.status_code == 500
    assert response.headers.keys() >= NAMES


async def test_responses_that_are_no_pages_may_load_and_frame_nothing(graph: Graph) -> None:
    for path in ("/report", "/api/v1/models", "/none", "/api/openapi.json", "/api/docs/assets/swagger-ui.css"):
        policy = (await graph.client.get(path)).headers["content-security-policy"]
        assert policy == "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize("path", ["/api/docs", "/api/docs/oauth2-redirect", "/oauth/sign-in"])
async def test_pages_allow_only_their_own_scripts(graph: Graph, path: str) -> None:
    headers = (await graph.client.get(path)).headers
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers.get(OPENER) != "same-origin", "applications open these pages in a window, and wait for it"


@pytest.mark.parametrize(
    ("url", "is_https"), [("https://raylens.test", True), ("http://raylens.test", False), ("", False)]
)
async def test_browsers_use_only_https_if_the_public_url_does(tmp_path: Path, url: str, is_https: bool) -> None:
    async with running(tmp_path, public_url=url) as graph:
        for path in ("/report", "/none", "/api/docs", "/"):
            headers = (await graph.client.get(path)).headers
            assert ("strict-transport-security" in headers) == is_https


async def test_downloads_are_named_and_not_sniffed(graph: Graph, factory: UserFactory) -> None:
    user = bearer(factory.issue(factory.add(), "token", frozenset(Scope)))
    for path in ("/api/v1/classifications/export", "/api/v1/account/export"):
        response = await graph.client.get(path, headers=user)
        assert response.headers["content-disposition"].startswith("attachment; filename=")
        assert response.headers["x-content-type-options"] == "nosniff"


async def test_two_headers_of_which_one_counts_are_refused(graph: Graph) -> None:
    for name in ("Authorization", "Content-Type", "Origin"):
        response = await graph.client.get("/health", headers=[(name, "a"), (name, "a")])
        assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
        assert response.json()["detail"] == f"A request must not have two headers {name}."
    response = await graph.client.get("/health", headers=[("Cookie", "a=1"), ("Cookie", "b=2")])
    assert response.status_code == 200


async def test_the_documentation_asks_no_other_site(graph: Graph) -> None:
    """By default it shows a picture of validator.swagger.io, whose address contains that of the service."""
    assert '"validatorUrl": null' in (await graph.client.get("/api/docs")).text
