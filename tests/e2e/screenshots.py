"""Screenshots for the documentation: ``make screenshots``, or ``python -m tests.e2e.screenshots``.

They show a real service with sample users and photos, at two screen sizes and in two themes.
"""

import io
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Literal
from unittest import mock

import httpx
from joserfc.jwk import ECKey
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from serve_app.cli import device_key
from serve_app.cli.address import Address
from serve_app.cli.authorization_client import AuthorizationClient, random_token
from serve_app.cli.login import DEFAULT_SCOPES
from tests.browser import EXAMPLES, launch
from tests.e2e.accounts import create_administrator, credentials, register_account
from tests.e2e.file_server import file_server
from tests.e2e.oauth_application import OAuthApplication
from tests.e2e.pages import classify_files, open_signed_in, section, submit_sign_in
from tests.service import Service

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "web"
SIZES = {"wide": ViewportSize(width=1280, height=800), "phone": ViewportSize(width=390, height=844)}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
MAX_HEIGHT = 1600
"""CSS pixels; longer pages are cut off."""
COLOURS = 128
USER, ADMIN = "corey", "ada"
COMMAND_LINE = "http://127.0.0.1:40001/callback"
"""Where ``raylens login`` waits for the browser."""
DEVICE = device_key.DeviceKey(ECKey.generate_key("P-256", private=True))


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with running_service() as service, file_server(EXAMPLES) as photos, sync_playwright() as playwright:
        application = create_sample_data(service, photos)
        browser = launch(playwright)
        for (size, viewport), theme in product(SIZES.items(), THEMES):
            with open_context(browser, viewport, theme) as context:
                for name, page in pages(service, application, context):
                    save_screenshot(page, FOLDER / f"{name}-{size}-{theme}.png")
        save_readme_image(browser, service)
        browser.close()
    total = sum(path.stat().st_size for path in FOLDER.glob("*.png"))
    print(f"{FOLDER}: {total / 1e6:.1f} MB")


@contextmanager
def running_service() -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="raylens-screenshots-") as folder:
        service = Service(Path(folder), RAYLENS_FETCH_ALLOWED_NETWORKS="127.0.0.0/8")
        service.start()
        try:
            yield service
        finally:
            service.stop()


def create_sample_data(service: Service, photos: str) -> OAuthApplication:
    """Users, classifications, an API key of one of them, and an OAuth application. ``photos``: URL of the examples."""
    create_administrator(service, ADMIN)
    for name in ("dora", "grace", "linus", USER):
        register_account(service, name)
    application = OAuthApplication.register(service, ADMIN)
    files = sorted(EXAMPLES.glob("*.jpg"))
    with httpx.Client(base_url=service.url, headers={"X-Requested-With": "raylens", "Origin": service.url}) as client:

        def classify(path: Path, query: str = "") -> None:
            image = {"image_url": f"{photos}/{path.name}{query}"}
            client.post("/api/v1/classifications", json=image, timeout=60).raise_for_status()

        for count, path in enumerate(files, start=1):
            for _ in range(count):
                classify(path)
        client.post("/api/v1/session", json=credentials(USER)).raise_for_status()
        for path in files:
            client.post("/api/v1/classifications", content=path.read_bytes(), timeout=60).raise_for_status()
        for _ in range(2):
            classify(files[0], "?album=holidays&key=b4c1")
        key = {"name": "front door camera", "scopes": ["classify", "history:read"], "expires_in_days": 90}
        client.post("/api/v1/account/keys", json=key).raise_for_status()
    return application


def command_line_url(service: Service) -> str:
    """The page that ``raylens login`` opens on a new device."""
    client = AuthorizationClient.discover(Address.parse(service.url))
    state, verifier = random_token(), random_token()
    with mock.patch.object(device_key, "device_name", return_value="coreys-laptop"):
        url = client.authorization_url(COMMAND_LINE, DEFAULT_SCOPES, state=state, verifier=verifier, device=DEVICE)
    return f"{url}&prompt=consent"  # the device is new only once


@contextmanager
def open_context(browser: Browser, viewport: ViewportSize, theme: Literal["light", "dark"]) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=viewport, color_scheme=theme, reduced_motion="reduce")
    for callback in ("https://album.example/**", f"{COMMAND_LINE}*"):
        context.route(callback, lambda route: route.fulfill(body="Welcome back"))
    yield context
    context.close()


def pages(service: Service, application: OAuthApplication, context: BrowserContext) -> Iterator[tuple[str, Page]]:
    """Every page with its name once it is loaded: first signed out, then as a user and as an administrator."""
    page = context.new_page()
    yield from signed_out_pages(page, service)
    page.goto(application.authorization_url(service, prompt="consent"))
    yield "consent-sign-in", page
    submit_sign_in(page, USER)
    page.get_by_role("heading", name="Allow Photo album?").wait_for()
    yield "consent", page
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{application.callback}?*")
    page.goto(command_line_url(service))
    yield "consent-device", page
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{COMMAND_LINE}?*")
    yield from signed_in_pages(page, service)
    context.clear_cookies()
    open_signed_in(page, service, ADMIN, "/admin")
    for tab, text in {"users": "administrator", "clients": application.name, "log": "Signed in"}.items():
        page.goto(f"{service.url}/admin?tab={tab}")
        expect(page.get_by_role("main").get_by_role("list")).to_contain_text(text)
        yield f"admin-{tab}", page


def signed_out_pages(page: Page, service: Service) -> Iterator[tuple[str, Page]]:
    skip_cache(page)
    page.goto(service.url)
    classify_files(page, *sorted(EXAMPLES.glob("*.jpg")))
    expect(page.locator(".predictions")).to_have_count(4)
    yield "classify", page
    ready: dict[str, Callable[[], object]] = {
        "about": lambda: page.get_by_text("Live, last 10 seconds").wait_for(),
        "sign-in": lambda: page.get_by_role("heading", name="Sign in").wait_for(),
        "register": lambda: page.get_by_role("heading", name="Create account").wait_for(),
    }
    for name, wait in ready.items():
        page.goto(f"{service.url}/{name}")
        wait()
        yield name, page
    page.goto(f"{service.url}/sign-in")
    waiting = page.get_by_text(re.compile(r"Retrying in 1?\d s"))
    while not waiting.is_visible():
        submit_sign_in(page, "linus", "not the password at all")
        page.get_by_role("alert").wait_for()
    yield "sign-in-wait", page


def signed_in_pages(page: Page, service: Service) -> Iterator[tuple[str, Page]]:
    page.goto(f"{service.url}/top")
    page.get_by_role("list", name="Most classified").wait_for()
    yield "top", page
    page.get_by_text("Mine", exact=True).click()
    page.get_by_text("album=holidays").wait_for()
    yield "top-mine", page
    page.goto(f"{service.url}/history")
    page.get_by_role("list", name="Classifications, newest first").wait_for()
    yield "history", page
    page.goto(f"{service.url}/account")
    for title in ("API keys", "Active sessions", "Connected applications", "Trusted devices", "Activity"):
        section(page, title).get_by_role("listitem").first.wait_for()
    yield "account", page


def save_screenshot(page: Page, path: Path) -> None:
    """Save the page from its top as a PNG with a palette, which is a third as large."""
    page.evaluate("document.activeElement?.blur()")
    page.mouse.move(0, 0)
    page.evaluate("Promise.all([...document.images].map(image => image.decode().catch(() => null)))")
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled", full_page=True))).convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(picture.height, MAX_HEIGHT)))
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def save_readme_image(browser: Browser, service: Service) -> None:
    """Save the result of one photo as ``docs/images/web-app.webp``."""
    page = browser.new_page(viewport={"width": 1180, "height": 655}, device_scale_factor=1.5, reduced_motion="reduce")
    skip_cache(page)
    page.goto(service.url)
    classify_files(page, EXAMPLES / "espresso.jpg")
    page.locator(".predictions").wait_for()
    page.evaluate("document.activeElement?.blur()")
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    picture.save(FOLDER.with_name("web-app.webp"), quality=85, method=6)
    page.close()


def skip_cache(page: Page) -> None:
    """Make every result new, so that its card shows timings."""
    page.route("**/api/v1/classifications?*", lambda route: route.continue_(url=f"{route.request.url}&cache=off"))


if __name__ == "__main__":
    main()
