"""The web app in a real browser, served by the real service under its own policy."""

import re
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser import EXAMPLES, accessibility_violations
from tests.service import Service

pytestmark = pytest.mark.e2e


def test_an_example_is_classified_and_enters_the_top_10(page: Page) -> None:
    page.get_by_role("button", name="an espresso").click()
    expect(page.locator(".predictions .label").first).to_have_text("espresso")
    expect(page.get_by_text(re.compile(r"[\d.]+ m?s total"))).to_be_visible()
    page.get_by_role("link", name="Top 10").click()
    expect(page.get_by_role("list", name="Most classified").get_by_text("espresso")).to_be_visible()
    expect(page).to_have_title("Top 10 – Raylens")


def test_many_files_are_answered_each_for_itself(page: Page) -> None:
    files = [*sorted(EXAMPLES.glob("*.jpg")), EXAMPLES / "LICENSE.txt"]
    page.get_by_label("Choose photos").last.set_input_files(files)
    expect(page.get_by_text("5 of 5 done")).to_be_visible()
    expect(page.locator(".predictions")).to_have_count(4)
    expect(page.get_by_role("alert")).to_contain_text("Unsupported image format")


def test_a_url_that_leads_nowhere_is_explained(page: Page) -> None:
    page.get_by_label("Image URL").fill("http://10.0.0.1/cat.jpg")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Raylens fetches images only from public internet addresses.")


def test_the_camera_takes_a_photo(page: Page) -> None:
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("button", name="Take photo").click()
    expect(page.locator(".predictions")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_pipeline_is_shown_live(page: Page) -> None:
    with page.expect_response("**/api/v1/pipeline*"), page.expect_response("**/api/v1/pipeline*"):
        page.get_by_role("link", name="About").click()
    expect(page.get_by_role("img", name=re.compile("images per second"))).to_contain_text("Classifier")
    expect(page.get_by_text("Live, last 10 seconds")).to_be_visible()


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
        broken += accessibility_violations(page)
    assert broken == []


def test_nobody_gets_lost(page: Page, service: Service) -> None:
    reply = page.goto(f"{service.url}/far/away")
    assert reply
    assert reply.status == 404
    page.get_by_role("link", name="Classify a photo").click()
    expect(page.get_by_role("heading", name="What is in this photo?")).to_be_visible()
