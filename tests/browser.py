"""Fixtures for tests of the web app in a real browser, against a real service."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.service import Service

FRONTEND = Path(__file__).parents[1] / "frontend"
EXAMPLES = FRONTEND / "public" / "examples"
AXE = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


def launch(playwright: Playwright) -> Browser:
    """Start the installed Chromium, or Playwright's if there is none."""
    return playwright.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=[*ARGUMENTS, *FAKE_CAMERA],
        env={**os.environ, "TMPDIR": "/tmp"},  # another folder may be too long for the path of a socket
    )


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Until it is closed, this thread cannot run another event loop, so tests with a browser come last in a package."""
    if shutil.which("chromium") is None and not os.environ.get("CI"):
        pytest.skip("needs Chromium")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def browser_errors() -> list[str]:
    """Errors and warnings in the browser, and requests to other hosts."""
    return []


@pytest.fixture
def page(browser: Browser, service: Service, browser_errors: list[str]) -> Iterator[Page]:
    """A page at the root of the web app; the test fails if the browser reported an error."""
    if not (FRONTEND / "dist" / "index.html").is_file():
        pytest.fail("the web app is not built: make web")
    context = browser.new_context(permissions=["camera"])
    page = context.new_page()

    def own(url: str) -> bool:
        return url.startswith((service.url, "blob:", "data:"))

    page.on("request", lambda request: None if own(request.url) else browser_errors.append(request.url))
    page.on("pageerror", lambda error: browser_errors.append(str(error)))
    page.on("console", lambda message: _record_console_error(message, browser_errors))
    page.goto(service.url)
    yield page
    context.close()
    assert browser_errors == []


def _record_console_error(message: Any, browser_errors: list[str]) -> None:
    # Chromium also reports responses with status 400 and above, which some tests expect.
    if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
        browser_errors.append(message.text)


def accessibility_violations(page: Page) -> list[tuple[str, str, str]]:
    """Accessibility violations on the page: path, rule and element. The dark theme is checked for its colours only."""
    page.get_by_role("heading", level=1).wait_for()
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    _set_theme(page, "light")
    violations = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    _set_theme(page, "dark")
    violations += page.evaluate("axe.run({ runOnly: ['color-contrast', 'link-in-text-block'] })")["violations"]
    path = page.evaluate("location.pathname + location.search")
    return [(path, rule["id"], node["html"]) for rule in violations for node in rule["nodes"]]


def _set_theme(page: Page, theme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    if page.locator("#app").count():  # the server's own pages switch without a script
        expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
    # Inherited colours change one level per frame, since reduced motion shortens transitions instead of removing them.
    page.evaluate("""async () => {
      do await new Promise(requestAnimationFrame); while (document.getAnimations().length);
    }""")
