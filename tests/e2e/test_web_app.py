"""The web app in a real browser, served by the real service with its Content-Security-Policy."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser import EXAMPLES, accessibility_violations
from tests.e2e.images import JPEG, URL
from tests.e2e.pages import classify_files
from tests.service import Service

pytestmark = pytest.mark.e2e


def test_an_example_is_classified_and_enters_the_top_10(page: Page, client: httpx.Client) -> None:
    for _ in range(10):  # more often than any photo of another test
        assert client.post(URL, content=(EXAMPLES / "espresso.jpg").read_bytes(), headers=JPEG).status_code == 201
    page.get_by_role("button", name="an espresso").click()
    expect(page.locator(".predictions .label").first).to_have_text("espresso")
    expect(page.get_by_text(re.compile(r"[\d.]+ m?s total"))).to_be_visible()
    page.get_by_role("link", name="Top 10").click()
    expect(page.get_by_role("list", name="Most classified").get_by_text("espresso")).to_be_visible()
    expect(page).to_have_title("Top 10 – Raylens")


def test_each_of_several_files_has_its_own_result(page: Page) -> None:
    classify_files(page, *sorted(EXAMPLES.glob("*.jpg")), EXAMPLES / "LICENSE.txt")
    expect(page.get_by_text("5 of 5 done")).to_be_visible()
    expect(page.locator(".predictions")).to_have_count(4)
    expect(page.get_by_role("alert")).to_contain_text("Unsupported image format")


def test_a_forbidden_url_is_explained(page: Page) -> None:
    page.get_by_label("Image URL").fill("http://10.0.0.1/cat.jpg")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Raylens fetches images only from public internet addresses.")


def test_the_camera_takes_a_photo(page: Page) -> None:
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("button", name="Take photo").click()
    expect(page.locator(".predictions")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_pasted_photo_is_classified(page: Page) -> None:
    page.evaluate(
        """async url => {
          const data = new DataTransfer();
          data.items.add(new File([await (await fetch(url)).blob()], "pasted.jpg", { type: "image/jpeg" }));
          const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
          document.body.dispatchEvent(event);
        }""",
        page.get_by_alt_text("a cat").get_attribute("src"),
    )
    expect(page.get_by_text("pasted.jpg", exact=True)).to_be_visible()
    expect(page.locator(".predictions")).to_be_visible()


def test_a_failed_upload_is_retried_after_reconnecting(page: Page) -> None:
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    classify_files(page, EXAMPLES / "cat.jpg")
    expect(page.get_by_role("alert")).to_contain_text("Cannot reach Raylens")
    page.context.set_offline(False)
    expect(page.get_by_text("You are offline.")).to_have_count(0)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".predictions")).to_be_visible()


def test_the_pipeline_is_shown_live(page: Page) -> None:
    with page.expect_response("**/api/v1/pipeline*"), page.expect_response("**/api/v1/pipeline*"):
        page.get_by_role("link", name="About").click()
    expect(page.get_by_role("img", name=re.compile("images per second"))).to_contain_text("Classifier")
    expect(page.get_by_text("Live, last 10 seconds")).to_be_visible()


def test_the_chosen_theme_survives_a_reload(page: Page) -> None:
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Dark").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_public_pages_are_accessible(page: Page, service: Service) -> None:
    violations = accessibility_violations(page)
    for link in ("Top 10", "About", "Sign in", "Create account"):
        page.get_by_role("link", name=link).click()
        violations += accessibility_violations(page)
    page.goto(f"{service.url}/nowhere")
    violations += accessibility_violations(page)
    assert violations == []


def test_an_unknown_page_leads_back_to_the_start(page: Page, service: Service) -> None:
    response = page.goto(f"{service.url}/far/away")
    assert response
    assert response.status == 404
    page.get_by_role("link", name="Classify a photo").click()
    expect(page.get_by_role("heading", name="What is in this photo?")).to_be_visible()
