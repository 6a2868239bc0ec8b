"""A browser on the web app of a real service: fixtures for the tests that look at it as people do."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.service import Service

FRONTEND = Path(__file__).parents[1] / "frontend"
EXAMPLES = FRONTEND / "public" / "examples"
AXE = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


def launch(playwright: Playwright) -> Browser:
    """The machine's Chromium, or Playwright's own where there is none."""
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*ARGUMENTS, *FAKE_CAMERA])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed at the end of the module: while it is open, this thread can run no event loop of its own."""
    if shutil.which("chromium") is None and not os.environ.get("CI"):
        pytest.skip("needs Chromium")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def faults() -> list[str]:
    """What the browser objects to, and requests to other hosts."""
    return []


@pytest.fixture
def page(browser: Browser, service: Service, faults: list[str]) -> Iterator[Page]:
    """Open at the root; the test fails if anything goes astray on the page."""
    if not (FRONTEND / "dist" / "index.html").is_file():
        pytest.fail("the web app is not built: make web")
    context = browser.new_context(permissions=["camera"])
    page = context.new_page()

    def own(url: str) -> bool:
        return url.startswith((service.url, "blob:", "data:"))

    page.on("request", lambda request: None if own(request.url) else faults.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: _note(message, faults))
    page.goto(service.url)
    yield page
    context.close()
    assert faults == []


def _note(message: Any, faults: list[str]) -> None:
    # Chromium writes a line for every reply of 400 and more, too, which tests here ask for.
    if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
        faults.append(message.text)


def broken_rules(page: Page) -> list[tuple[str, str, str]]:
    """Rules of accessibility that the page breaks as it stands: its path, the rule, the element."""
    page.get_by_role("heading", level=1).wait_for()
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    path = page.evaluate("location.pathname + location.search")
    return [(path, rule["id"], node["html"]) for rule in found for node in rule["nodes"]]
