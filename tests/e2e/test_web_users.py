"""Registration, history and account in a real browser against the real service."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser import EXAMPLES, accessibility_violations
from tests.e2e.accounts import PASSWORD, create_token, register_account
from tests.e2e.pages import classify_files, open_signed_in, section, submit_sign_in, user_menu
from tests.service import Service

pytestmark = pytest.mark.e2e
CAT = EXAMPLES / "cat.jpg"


def test_a_new_user_classifies_and_searches_and_deletes_the_history(page: Page) -> None:
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name="Create account").click()
    expect(page.get_by_role("heading", name="Create account")).to_be_visible()  # both pages have "Username"
    page.get_by_label("Username", exact=True).fill("wanda")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(user_menu(page, "wanda")).to_be_visible()

    classify_files(page, CAT, EXAMPLES / "espresso.jpg")
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
    open_signed_in(page, service, register_account(service, "keith"), "/account")
    page.get_by_role("button", name="New key").click()
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill("front door camera")
    page.get_by_role("button", name="Create key").click()
    key = page.get_by_role("dialog").locator("code").inner_text()
    assert key.startswith("rlk_")
    page.get_by_role("button", name="Done").click()
    keys = section(page, "API keys")
    expect(keys).to_contain_text("front door camera")
    assert key not in page.content()

    def classify() -> int:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg"}
        url = f"{service.url}/api/v1/classifications"
        return httpx.post(url, content=CAT.read_bytes(), headers=headers, timeout=30).status_code

    assert classify() == 201
    keys.get_by_role("button", name="Delete key front door camera").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(keys).to_contain_text("No API keys.")
    assert classify() == 401


def test_a_session_is_ended_and_the_password_changed(page: Page, service: Service) -> None:
    name = "petra"
    create_token(service, name)
    open_signed_in(page, service, name, "/account")
    sessions = section(page, "Active sessions")
    expect(sessions.get_by_role("listitem")).to_have_count(2)
    sessions.get_by_role("button", name=re.compile("^End session: ")).click()
    expect(sessions.get_by_role("listitem")).to_have_count(1)

    passwords = section(page, "Password")
    passwords.get_by_label("Current password", exact=True).fill("not the password at all")
    passwords.get_by_label("New password", exact=True).fill("twelve quiet lighthouses")
    passwords.get_by_role("button", name="Change password").click()
    expect(passwords).to_contain_text("Invalid password.")
    passwords.get_by_label("Current password", exact=True).fill(PASSWORD)
    passwords.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Password changed.")).to_be_visible()

    user_menu(page, name).click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in").click()
    submit_sign_in(page, name)
    expect(page.get_by_role("alert")).to_contain_text("Wrong username or password")
    submit_sign_in(page, name, "twelve quiet lighthouses")
    expect(user_menu(page, name)).to_be_visible()


def test_pages_of_a_user_are_accessible(page: Page, service: Service) -> None:
    open_signed_in(page, service, register_account(service, "axel"), "/history")
    violations = accessibility_violations(page)
    page.get_by_role("link", name="Classify a photo").click()
    classify_files(page, CAT)
    expect(page.locator(".predictions")).to_be_visible()
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("button", name=re.compile("^All classes"))).to_be_visible()
    violations += accessibility_violations(page)
    user_menu(page, "axel").click()
    page.get_by_role("link", name="Account").click()
    expect(section(page, "Active sessions").get_by_role("listitem")).to_have_count(1)
    violations += accessibility_violations(page)
    page.get_by_role("button", name="New key").click()
    violations += accessibility_violations(page)
    assert violations == []
