"""The documentation page in Chromium, which enforces its policies."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from auth.audit import RequestSource
from tests.auth.web_server import SwitchableApp, running_server
from tests.browser import launch
from tests.ingress.graph import Graph, prepare
from tests.servers.process import require

EXPECTED = ("[DOM]", "Failed to load resource")
"""Advice, and the icon that the pages of the OAuth server lack."""
PASSWORD = "correct horse battery staple"


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    """The API without its background tasks, at its public URL."""
    app = SwitchableApp()
    with running_server(app) as address:
        graph = prepare(tmp_path, port=urlsplit(address).port)
        app.app = graph.app
        yield graph
    graph.gateway.engine.dispose()
    graph.results.stage.close()
    graph.results.stage.record_store.stop()


@pytest.fixture
def page() -> Iterator[Page]:
    """Messages in the console and requests to other hosts fail the test."""
    require("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        context = browser.new_context()
        messages: list[str] = []
        context.on(
            "console", lambda message: None if message.text.startswith(EXPECTED) else messages.append(message.text)
        )
        context.on("weberror", lambda error: messages.append(str(error.error)))
        context.on("request", lambda request: messages.append(request.url) if "127.0.0.1" not in request.url else None)
        yield context.new_page()
        browser.close()
    assert messages == []


def test_the_page_works_with_its_policies(graph: Graph, page: Page) -> None:
    """It sends requests, and an application signs in by the window of the authorization endpoint."""
    url = graph.gateway.settings.local_url
    graph.gateway.auth.accounts.create_admin("alice", PASSWORD, "")
    client, _ = graph.gateway.auth.clients.create(
        "Documentation",
        redirect_uris=[f"{url}/api/docs/oauth2-redirect"],
        scopes=["classify"],
        grants=["authorization_code"],
        public=True,
        trusted=False,
        actor_id=None,
        source=RequestSource(),
    )
    page.goto(f"{url}/api/docs")
    page.get_by_role("button", name="Authorize", exact=True).click()
    dialog = page.locator(".auth-container", has_text="client_id")
    dialog.get_by_label("client_id:").fill(client.id)
    dialog.locator("label", has_text="Classify images").click()
    with page.expect_popup() as opened:
        dialog.get_by_role("button", name="Apply given OAuth2 credentials").click()
    popup = opened.value
    popup.get_by_label("Username").fill("alice")
    popup.get_by_label("Password").fill(PASSWORD)
    popup.get_by_role("button", name="Sign in").click()
    popup.get_by_role("button", name="Allow").click()
    expect(dialog.get_by_text("Authorized", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="GET /api/health/live Liveness").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table").get_by_text("is_healthy").first).to_be_visible()
