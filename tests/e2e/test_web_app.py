"""The web app in a real browser, served by the real service under its own policy."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.service import Service

pytestmark = pytest.mark.e2e

FRONTEND = Path(__file__).parents[2] / "frontend"
EXAMPLES = FRONTEND / "public" / "examples"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
AXE = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None and not os.environ.get("CI"):
        pytest.skip("needs Chromium")
    browser = playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, *FAKE_CAMERA])
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


def test_an_example_is_classified_and_enters_the_top_10(page: Page) -> None:
    page.get_by_role("button", name="an espresso").click()
    expect(page.locator(".predictions .label").first).to_have_text("espresso")
    expect(page.get_by_text(re.compile(r"[\d.]+ m?s in all"))).to_be_visible()
    page.get_by_role("link", name="Top 10").click()
    expect(page.get_by_role("list", name="Most classified").get_by_text("espresso")).to_be_visible()
    expect(page).to_have_title("Top 10 – Raylens")


def test_many_files_are_answered_each_for_itself(page: Page) -> None:
    files = [*sorted(EXAMPLES.glob("*.jpg")), EXAMPLES / "LICENSE.txt"]
    page.get_by_label("Choose photos").last.set_input_files(files)
    expect(page.get_by_text("5 of 5 done")).to_be_visible()
    expect(page.locator(".predictions")).to_have_count(4)
    expect(page.get_by_role("alert")).to_contain_text("This is not a picture Raylens can read")


def test_a_url_that_leads_nowhere_is_explained(page: Page) -> None:
    page.get_by_label("URL of a picture").fill("http://10.0.0.1/cat.jpg")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Only addresses on the public internet are fetched.")


def test_the_camera_takes_a_photo(page: Page) -> None:
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("button", name="Take the photo").click()
    expect(page.locator(".predictions")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_pipeline_is_shown_live(page: Page) -> None:
    with page.expect_response("**/api/v1/pipeline*"), page.expect_response("**/api/v1/pipeline*"):
        page.get_by_role("link", name="About").click()
    expect(page.get_by_role("img", name=re.compile("images a second"))).to_contain_text("Classifier")
    expect(page.get_by_text("live, the last 10 seconds")).to_be_visible()


def test_the_theme_that_was_chosen_stays(page: Page) -> None:
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Dark").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_keep_the_rules_of_accessibility(page: Page, service: Service, theme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    broken = []
    for path in ("/", "/top", "/about", "/sign-in", "/register", "/nowhere"):
        page.goto(f"{service.url}{path}")
        page.get_by_role("heading", level=1).wait_for()
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run()")["violations"]
        broken += [(path, rule["id"], node["html"]) for rule in found for node in rule["nodes"]]
    assert broken == []


def test_nobody_gets_lost(page: Page, service: Service) -> None:
    reply = page.goto(f"{service.url}/far/away")
    assert reply
    assert reply.status == 404
    page.get_by_role("link", name="Classify a photo").click()
    expect(page.get_by_role("heading", name="What is in this photo?")).to_be_visible()
