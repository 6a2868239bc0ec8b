"""What people do with an account of theirs, in a real browser on the real service."""

import re
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser import EXAMPLES, accessibility_violations
from tests.e2e.people import PASSWORD, account, enter, menu, part, sign_in
from tests.service import Service

pytestmark = pytest.mark.e2e
CAT = EXAMPLES / "cat.jpg"


def test_from_registering_to_an_empty_history_again(page: Page) -> None:
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name="Create account").click()
    expect(page.get_by_role("heading", name="Create account")).to_be_visible()  # "Username" is on the page before, too
    page.get_by_label("Username", exact=True).fill("wanda")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(menu(page, "wanda")).to_be_visible()

    page.get_by_label("Choose photos").last.set_input_files([CAT, EXAMPLES / "espresso.jpg"])
    expect(page.locator(".predictions")).to_have_count(2)
    page.get_by_role("link", name="History").click()
    items = page.get_by_role("list", name="Classifications, newest first").get_by_role("listitem")
    expect(items).to_have_count(2)

    page.get_by_role("searchbox").fill("espresso")
    page.keyboard.press("Enter")
    expect(items).to_have_count(1)
    page.get_by_role("button", name="All classes: espresso").click()
    expect(page.get_by_role("dialog").locator(".predictions li")).to_have_count(5)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete espresso").click()
    expect(page.get_by_text("No classifications match “espresso”.")).to_be_visible()

    page.go_back()
    expect(items).to_have_count(1)
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete all").click()
    expect(page.get_by_role("heading", name="No classifications yet")).to_be_visible()


def test_a_key_is_shown_once_and_works_until_it_is_deleted(page: Page, service: Service) -> None:
    enter(page, service, account(service, "keith"), "/account")
    page.get_by_role("button", name="New key").click()
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill("camera at the door")
    page.get_by_role("button", name="Create key").click()
    key = page.get_by_role("dialog").locator("code").inner_text()
    assert key.startswith("rlk_")
    page.get_by_role("button", name="Done").click()
    keys = part(page, "API keys")
    expect(keys).to_contain_text("camera at the door")
    assert key not in page.content()

    def classify() -> int:
        bearer = {"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg"}
        url = f"{service.url}/api/v1/classifications"
        return httpx.post(url, content=CAT.read_bytes(), headers=bearer, timeout=30).status_code

    assert classify() == 201
    keys.get_by_role("button", name="Delete key camera at the door").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(keys).to_contain_text("No API keys.")
    page.wait_for_timeout(5_500)  # a key may be believed for five seconds more
    assert classify() == 401


def test_another_sign_in_is_ended_and_the_password_changed(page: Page, service: Service) -> None:
    name = account(service, "petra")
    elsewhere = {"username": name, "password": PASSWORD}
    assert httpx.post(f"{service.url}/auth/token/login/", json=elsewhere, timeout=30).status_code == 200
    enter(page, service, name, "/account")
    logins = part(page, "Active sessions")
    expect(logins.get_by_role("listitem")).to_have_count(2)
    logins.get_by_role("button", name=re.compile("^End session: ")).click()
    expect(logins.get_by_role("listitem")).to_have_count(1)

    passwords = part(page, "Password")
    passwords.get_by_label("Current password", exact=True).fill("not the password at all")
    passwords.get_by_label("New password", exact=True).fill("twelve quiet lighthouses")
    passwords.get_by_role("button", name="Change password").click()
    expect(passwords).to_contain_text("Invalid password.")
    passwords.get_by_label("Current password", exact=True).fill(PASSWORD)
    passwords.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Password changed.")).to_be_visible()

    menu(page, name).click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, name)
    expect(page.get_by_role("alert")).to_contain_text("Wrong username or password")
    sign_in(page, name, "twelve quiet lighthouses")
    expect(menu(page, name)).to_be_visible()


def test_a_photo_is_pasted(page: Page) -> None:
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


def test_work_goes_on_after_the_connection_was_gone(page: Page) -> None:
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    page.get_by_label("Choose photos").last.set_input_files(CAT)
    expect(page.get_by_role("alert")).to_contain_text("Cannot reach Raylens")
    page.context.set_offline(False)
    expect(page.get_by_text("You are offline.")).to_have_count(0)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".predictions")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ones_own_pages_keep_the_rules_of_accessibility(
    page: Page, service: Service, theme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    enter(page, service, account(service, f"axel-{theme}"), "/history")
    broken = accessibility_violations(page)
    page.goto(service.url)
    page.get_by_label("Choose photos").last.set_input_files(CAT)
    expect(page.locator(".predictions")).to_be_visible()
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("button", name=re.compile("^All classes"))).to_be_visible()
    broken += accessibility_violations(page)
    page.goto(f"{service.url}/account")
    expect(part(page, "Active sessions").get_by_role("listitem")).to_have_count(1)
    broken += accessibility_violations(page)
    page.get_by_role("button", name="New key").click()
    broken += accessibility_violations(page)
    assert broken == []
