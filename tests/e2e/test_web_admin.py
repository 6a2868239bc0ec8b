"""OAuth consent and administration in a real browser against the real service."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser import accessibility_violations
from tests.e2e.accounts import create_administrator, credentials, register_account
from tests.e2e.oauth_application import OAuthApplication
from tests.e2e.pages import open_signed_in, section, submit_sign_in
from tests.service import Service

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def admin(service: Service) -> str:
    return create_administrator(service, "ada")


@pytest.fixture(scope="module")
def application(service: Service, admin: str) -> OAuthApplication:
    return OAuthApplication.register(service, admin)


def test_a_user_allows_an_application_and_revokes_its_access(
    page: Page, service: Service, application: OAuthApplication, browser_errors: list[str]
) -> None:
    page.route("https://album.example/**", lambda route: route.fulfill(body="Welcome back"))
    page.goto(application.authorization_url(service))
    submit_sign_in(page, register_account(service, "olga"), "not the password at all")
    expect(page.get_by_role("alert")).to_be_visible()
    submit_sign_in(page, "olga")
    expect(page.get_by_role("heading", name="Allow Photo album?")).to_be_visible()
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{application.callback}?*")
    assert {urlsplit(url).hostname for url in browser_errors} == {"album.example"}
    browser_errors.clear()
    query = parse_qs(urlsplit(page.url).query)
    assert query["state"] == ["a state"]
    assert application.exchange_code(service, query["code"][0]).status_code == 200

    page.goto(f"{service.url}/account")
    applications = section(page, "Connected applications")
    expect(applications).to_contain_text("Photo album")
    applications.get_by_role("button", name="Revoke access for Photo album").click()
    expect(applications).to_contain_text("No connected applications.")


def test_a_disabled_user_cannot_sign_in(page: Page, service: Service, admin: str) -> None:
    name = register_account(service, "mallory")
    open_signed_in(page, service, admin, "/admin")
    page.get_by_role("searchbox").fill("mallor")
    expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(1)
    page.get_by_role("button", name="Disable: mallory").click()
    expect(page.get_by_role("button", name="Enable: mallory")).to_be_visible()
    assert httpx.post(f"{service.url}/auth/token/login/", json=credentials(name), timeout=30).status_code == 400
    page.get_by_text("Audit log", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("Account disabled: mallory")


def test_the_secret_of_a_new_application_is_shown_once(page: Page, service: Service, admin: str) -> None:
    open_signed_in(page, service, admin, "/admin?tab=clients")
    page.get_by_role("button", name="Register application").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Herbarium")
    dialog.get_by_label("Redirect URIs, one per line").fill("http://herbarium.example/callback")
    dialog.get_by_role("button", name="Register").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Redirect URIs, one per line").fill("https://herbarium.example/callback")
    dialog.get_by_role("button", name="Register").click()
    expect(dialog).to_contain_text("Copy the client secret")
    secret = dialog.locator("code").inner_text()
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_role("listitem").filter(has_text="Herbarium")).to_be_visible()
    assert secret not in page.content()


def test_consent_and_admin_pages_are_accessible(
    page: Page, service: Service, admin: str, application: OAuthApplication
) -> None:
    page.goto(application.authorization_url(service))
    violations = accessibility_violations(page)
    submit_sign_in(page, admin)
    page.get_by_role("heading", name=re.compile("^Allow")).wait_for()
    violations += accessibility_violations(page)
    page.goto(f"{service.url}/admin")
    for tab, text in {"Users": "administrator", "Audit log": "Signed in", "Applications": "Photo album"}.items():
        page.get_by_text(tab, exact=True).first.click()
        expect(page.get_by_role("main").get_by_role("list")).to_contain_text(text)
        violations += accessibility_violations(page)
    page.get_by_role("button", name="Register application").click()
    violations += accessibility_violations(page)
    assert violations == []
