"""People at the web app: how they come in, and what they have at hand."""

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.service import Service

PASSWORD = "eleven quiet lighthouses"


def account(service: Service, name: str) -> str:
    """The name of a user who has just registered, elsewhere."""
    answer = httpx.post(f"{service.url}/auth/users/", json={"username": name, "password": PASSWORD}, timeout=30)
    assert answer.status_code == 201, answer.text
    return name


def administrator(service: Service, name: str) -> str:
    service.run("users", "create-admin", name, "--password-stdin", stdin=PASSWORD)
    return name


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill in the form that is open: the app's, or the page an application sent people to."""
    page.get_by_label("Username", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def enter(page: Page, service: Service, name: str, path: str) -> None:
    """Sign in on the way to this page of the app."""
    page.goto(f"{service.url}{path}")
    sign_in(page, name)
    expect(page).to_have_url(f"{service.url}{path}")


def menu(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"Signed in as {name}")


def part(page: Page, title: str) -> Locator:
    """The part of the account page with this title."""
    return page.locator("section").filter(has=page.get_by_role("heading", name=title, exact=True))
