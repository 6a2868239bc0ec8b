"""Applications that ask people for leave, and who looks after both, in a real browser on the real service."""

import re
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser import accessibility_violations
from tests.e2e.people import PASSWORD, account, administrator, enter, part, sign_in
from tests.e2e.photo_album import PhotoAlbum
from tests.service import Service

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def admin(service: Service) -> str:
    return administrator(service, "ada")


@pytest.fixture(scope="module")
def album(service: Service, admin: str) -> PhotoAlbum:
    return PhotoAlbum.register(service, admin)


def test_an_application_is_allowed_and_loses_that_again(
    page: Page, service: Service, album: PhotoAlbum, faults: list[str]
) -> None:
    page.route("https://album.example/**", lambda route: route.fulfill(body="Welcome back"))
    page.goto(album.request(service))
    sign_in(page, account(service, "olga"), "not the password at all")
    expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, "olga")
    expect(page.get_by_role("heading", name="Allow Photo album?")).to_be_visible()
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{album.callback}?*")
    assert {urlsplit(url).hostname for url in faults} == {"album.example"}
    faults.clear()
    answer = parse_qs(urlsplit(page.url).query)
    assert answer["state"] == ["a state"]
    assert album.redeem(service, answer["code"][0]).status_code == 200

    page.goto(f"{service.url}/account")
    apps = part(page, "Connected applications")
    expect(apps).to_contain_text("Photo album")
    apps.get_by_role("button", name="Revoke access for Photo album").click()
    expect(apps).to_contain_text("No connected applications.")


def test_a_user_is_disabled_and_can_sign_in_no_more(page: Page, service: Service, admin: str) -> None:
    name = account(service, "mallory")
    enter(page, service, admin, "/admin")
    page.get_by_role("searchbox").fill("mallor")
    expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(1)
    page.get_by_role("button", name="Disable: mallory").click()
    expect(page.get_by_role("button", name="Enable: mallory")).to_be_visible()
    answer = httpx.post(f"{service.url}/auth/token/login/", json={"username": name, "password": PASSWORD}, timeout=30)
    assert answer.status_code == 400
    page.get_by_text("Audit log", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("Account disabled: mallory")


def test_an_application_is_registered_and_its_secret_shown_once(page: Page, service: Service, admin: str) -> None:
    enter(page, service, admin, "/admin?tab=clients")
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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_their_pages_keep_the_rules_of_accessibility(
    page: Page, service: Service, admin: str, album: PhotoAlbum, theme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.goto(album.request(service))
    broken = accessibility_violations(page)
    sign_in(page, admin)
    page.get_by_role("heading", name=re.compile("^Allow")).wait_for()
    broken += accessibility_violations(page)
    for tab, seen in {"users": "administrator", "clients": "Photo album", "log": "Signed in"}.items():
        page.goto(f"{service.url}/admin?tab={tab}")
        expect(page.get_by_role("main").get_by_role("list")).to_contain_text(seen)
        broken += accessibility_violations(page)
    page.goto(f"{service.url}/admin?tab=clients")
    page.get_by_role("button", name="Register application").click()
    broken += accessibility_violations(page)
    assert broken == []
