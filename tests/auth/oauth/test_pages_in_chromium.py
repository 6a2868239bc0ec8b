"""The pages in Chromium, which enforces their Content-Security-Policy."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, ViewportSize, sync_playwright
from sqlalchemy import Engine

from tests.auth.application import Application
from tests.auth.oauth.device import Device
from tests.auth.oauth.oauth_server import PASSWORD, oauth_server_with_user
from tests.auth.oauth.partner import CALLBACK, SOURCE, VERIFIER, Partner, challenge_of
from tests.browser import launch
from tests.servers.process import require

PHONE = ViewportSize(width=360, height=640)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    require("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def server(database: Engine) -> Iterator[Application]:
    with oauth_server_with_user(database) as application:
        yield application


@pytest.fixture
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A phone. The client's page is mocked; messages in the console fail the test."""
    context = chromium.new_context(java_script_enabled=getattr(request, "param", False), viewport=PHONE)
    page = context.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.route("https://partner.example/**", lambda route: route.fulfill(body="Welcome back"))
    yield page
    context.close()
    # Chromium reports when typing starts before autofocus.
    expected = ("Failed to load resource", "Autofocus processing was blocked")
    assert [text for text in messages if not text.startswith(expected)] == []


def request_of(server: Application, *, trusted: bool) -> str:
    client, _ = server.auth.clients.create(
        "Partner",
        redirect_uris=[CALLBACK],
        scopes=["classify", "profile"],
        grants=["authorization_code"],
        public=True,
        trusted=trusted,
        actor_id=None,
        source=SOURCE,
    )
    query = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": CALLBACK,
        "state": "a state",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    return f"{server.auth.settings.public_url}/oauth/authorize?{urlencode(query)}"


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def fits(page: Page) -> bool:
    """Nothing is cut off, and buttons are large enough to touch."""
    right = max(box["x"] + box["width"] for box in boxes(page.locator("main, main *")))
    return right <= PHONE["width"] and all(box["height"] >= 44 for box in boxes(page.get_by_role("button")))


def boxes(locator: Locator) -> list[FloatRect]:
    found = [box for element in locator.all() if (box := element.bounding_box())]
    assert found
    return found


def response_parameters(page: Page) -> dict[str, list[str]]:
    page.wait_for_url(f"{CALLBACK}?*")
    assert page.get_by_text("Welcome back").is_visible()
    return parse_qs(urlsplit(page.url).query)


@pytest.mark.parametrize("page", [True, False], ids=["with JavaScript", "without JavaScript"], indirect=True)
def test_sign_in_and_consent(server: Application, page: Page):
    page.goto(request_of(server, trusted=False))
    assert fits(page)
    sign_in(page, "a wrong password")
    assert page.get_by_role("alert").is_visible()
    sign_in(page)
    assert page.get_by_role("heading", name="Allow Partner?").is_visible()
    assert fits(page)
    page.get_by_role("button", name="Allow").click()
    assert response_parameters(page).keys() == {"code", "state", "iss"}


def test_consent_on_a_new_device(server: Application, page: Page):
    client = server.auth.clients.get("raylens-cli")
    assert client
    laptop = Device(Partner(server, httpx.AsyncClient(), client, None), name="a-laptop-with-a-long-name." * 2)
    query = laptop.partner.query(**laptop.query())
    page.goto(f"{server.auth.settings.public_url}/oauth/authorize?{urlencode(query)}")
    sign_in(page)
    assert "port 40001" in page.inner_text("dl")
    assert fits(page)


def test_denial(server: Application, page: Page):
    page.goto(request_of(server, trusted=False))
    sign_in(page)
    page.get_by_role("button", name="Deny").click()
    assert response_parameters(page)["error"] == ["access_denied"]


def test_a_trusted_client_without_consent_page(server: Application, page: Page):
    """The form redirects to another site, which its policy must allow."""
    page.goto(request_of(server, trusted=True))
    sign_in(page)
    assert response_parameters(page).keys() == {"code", "state", "iss"}


def test_contrast(server: Application, chromium: Browser):
    """At least 4.5:1 (WCAG AA)."""
    context = chromium.new_context(viewport=PHONE)
    page = context.new_page()
    page.goto(request_of(server, trusted=False))
    sign_in(page, "a wrong password")
    page.get_by_role("alert").wait_for()
    pairs = colours_of(page)
    sign_in(page)
    page.get_by_role("heading", name="Allow Partner?").wait_for()
    pairs += colours_of(page)
    context.close()
    assert len(pairs) > 20
    assert {element: ratio for element, text, back in pairs if (ratio := contrast(text, back)) < 4.5} == {}


def colours_of(page: Page) -> list[tuple[str, str, str]]:
    """Element, text colour and background colour, in both colour schemes."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += page.evaluate(COLOURS)
    return found


COLOURS = """() => [...document.querySelectorAll("h1, p, label, input, button, li, a, strong, code")].map(element => {
  let back = element;
  while (back && getComputedStyle(back).backgroundColor === "rgba(0, 0, 0, 0)") back = back.parentElement;
  return [`${element.tagName} ${element.textContent.trim().slice(0, 20)}`,
          getComputedStyle(element).color, getComputedStyle(back ?? document.body).backgroundColor];
})"""


def contrast(one: str, other: str) -> float:
    darker, brighter = sorted(map(luminance, (one, other)))
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of a colour like rgb(10, 88, 202)."""
    channels = [int(number) / 255 for number in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
