"""Pictures of every page for the documentation: ``python -m tests.e2e.screenshots``, or ``make screenshots``.

They are taken of a real service with a few photos and people in it, wide and as on a phone, light and dark.
"""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Literal

import httpx
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from tests.browser import EXAMPLES, launch
from tests.e2e.people import PASSWORD, account, administrator, enter, part, sign_in
from tests.e2e.photo_album import PhotoAlbum
from tests.service import Service

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "web"
SIZES = {"wide": ViewportSize(width=1280, height=800), "phone": ViewportSize(width=390, height=844)}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TALLEST = 1600
"""CSS pixels; of a longer page its start says enough."""
COLOURS = 128
USER, ADMIN = "corey", "ada"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with running() as service, sync_playwright() as playwright:
        album = furnish(service)
        browser = launch(playwright)
        for (size, viewport), theme in product(SIZES.items(), THEMES):
            with visit(browser, viewport, theme) as context:
                for name, page in pages(service, album, context):
                    keep(page, FOLDER / f"{name}-{size}-{theme}.png", viewport)
        browser.close()
    total = sum(path.stat().st_size for path in FOLDER.glob("*.png"))
    print(f"{FOLDER}: {total / 1e6:.1f} MB")


@contextmanager
def running() -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="raylens-screenshots-") as folder:
        service = Service(Path(folder))
        service.start()
        try:
            yield service
        finally:
            service.stop()


def furnish(service: Service) -> PhotoAlbum:
    """A few people, what one of them classified and made, and an application they allowed."""
    administrator(service, ADMIN)
    for name in ("dora", "grace", "linus", USER):
        account(service, name)
    album = PhotoAlbum.register(service, ADMIN)
    with httpx.Client(base_url=service.url, headers={"X-Requested-With": "raylens", "Origin": service.url}) as client:
        client.post("/api/v1/session", json={"username": USER, "password": PASSWORD}).raise_for_status()
        for path in sorted(EXAMPLES.glob("*.jpg")):
            client.post("/api/v1/classifications", content=path.read_bytes(), timeout=60).raise_for_status()
        key = {"name": "camera at the door", "scopes": ["classify", "history:read"], "expires_in_days": 90}
        client.post("/api/v1/account/keys", json=key).raise_for_status()
    return album


@contextmanager
def visit(browser: Browser, viewport: ViewportSize, theme: Literal["light", "dark"]) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=viewport, color_scheme=theme, reduced_motion="reduce")
    context.route("https://album.example/**", lambda route: route.fulfill(body="Welcome back"))
    yield context
    context.close()


def pages(service: Service, album: PhotoAlbum, context: BrowserContext) -> Iterator[tuple[str, Page]]:
    """Every page by its name, ready to be looked at: first as a guest sees it, then signed in."""
    page = context.new_page()
    yield from as_guest(page, service)
    page.goto(album.request(service, prompt="consent"))
    yield "consent-sign-in", page
    sign_in(page, USER)
    page.get_by_role("heading", name="Allow Photo album?").wait_for()
    yield "consent", page
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{album.callback}?*")
    yield from as_user(page, service)
    context.clear_cookies()
    enter(page, service, ADMIN, "/admin")
    for tab, seen in {"users": "administrator", "clients": album.name, "log": "Signed in"}.items():
        page.goto(f"{service.url}/admin?tab={tab}")
        expect(page.get_by_role("main").get_by_role("list")).to_contain_text(seen)
        yield f"admin-{tab}", page


def as_guest(page: Page, service: Service) -> Iterator[tuple[str, Page]]:
    # The answers are known from the visit before; a fresh one has its times to show.
    page.route("**/api/v1/classifications?*", lambda route: route.continue_(url=f"{route.request.url}&cache=off"))
    page.goto(service.url)
    page.get_by_label("Choose photos").last.set_input_files(sorted(EXAMPLES.glob("*.jpg")))
    expect(page.locator(".predictions")).to_have_count(4)
    yield "classify", page
    ready: dict[str, Callable[[], object]] = {
        "top": lambda: page.get_by_role("list", name="Most classified").wait_for(),
        "about": lambda: page.get_by_text("Live, last 10 seconds").wait_for(),
        "sign-in": lambda: page.get_by_role("heading", name="Sign in").wait_for(),
        "register": lambda: page.get_by_role("heading", name="Create account").wait_for(),
    }
    for name, wait in ready.items():
        page.goto(f"{service.url}/{name}")
        wait()
        yield name, page


def as_user(page: Page, service: Service) -> Iterator[tuple[str, Page]]:
    page.goto(f"{service.url}/history")
    page.get_by_role("list", name="Classifications, newest first").wait_for()
    yield "history", page
    page.goto(f"{service.url}/account")
    for title in ("API keys", "Active sessions", "Connected applications", "Activity"):
        part(page, title).get_by_role("listitem").first.wait_for()
    yield "account", page


def keep(page: Page, path: Path, viewport: ViewportSize) -> None:
    """The page from its top, in few colours: PNGs of interfaces need no more, and are a third as large."""
    page.evaluate("document.activeElement?.blur()")
    page.evaluate("Promise.all([...document.images].map(image => image.decode().catch(() => null)))")
    height = min(max(page.evaluate("document.documentElement.scrollHeight"), viewport["height"]), TALLEST)
    page.set_viewport_size({"width": viewport["width"], "height": height})
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    page.set_viewport_size(viewport)


if __name__ == "__main__":
    main()
