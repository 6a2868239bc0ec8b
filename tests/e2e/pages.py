"""Actions and elements of the web app that several tests use."""

from pathlib import Path

from playwright.sync_api import Locator, Page

from tests.e2e.accounts import PASSWORD, credentials
from tests.service import Service


def submit_sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill in and submit the open sign-in form: the app's, or the server's for OAuth applications."""
    page.get_by_label("Username", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def open_signed_in(page: Page, service: Service, name: str, path: str) -> None:
    """Sign in over the API, which is faster than the form, and open a page of the app."""
    headers = {"X-Requested-With": "raylens", "Origin": service.url}
    response = page.request.post(f"{service.url}/api/v1/session", data=credentials(name), headers=headers)
    assert response.status == 201, response.text()
    page.goto(f"{service.url}{path}")


def classify_files(page: Page, *files: Path) -> None:
    page.get_by_label("Choose photos").last.set_input_files(files)


def user_menu(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"Signed in as {name}")


def section(page: Page, title: str) -> Locator:
    """The section of the account page with this heading."""
    return page.locator("section").filter(has=page.get_by_role("heading", name=title, exact=True))
