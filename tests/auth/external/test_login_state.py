"""A sign-in belongs to the browser that started it, works once, and expires after ten minutes."""

from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from auth.audit import RequestSource
from auth.external.login_state import MAX_COOKIE_BYTES
from tests.auth.application import Application, create
from tests.auth.external.browser import OWN, Browser, Redirect
from tests.auth.external.fake_provider import FakeProvider
from tests.clock import MovableClock

NOT_STARTED = "This sign-in was not started in this browser"


def state_cookies(browser: Browser) -> list[str]:
    return [name for name in browser.client.cookies if "flow" in name]


async def finish(browser: Browser, provider: FakeProvider, redirect: Redirect, **query: Any) -> httpx.Response:
    return await browser.finish_login(redirect, code=provider.code_for(redirect), **query)


def is_rejected(response: httpx.Response) -> bool:
    return response.status_code == 400 and NOT_STARTED in response.text


async def test_the_authorization_request(visitor: Browser, fake_provider: FakeProvider):
    redirect = await visitor.start_login(next="/top")
    assert redirect.url.startswith(f"{fake_provider.issuer}/authorize?realm=1&")
    parameters = dict(redirect.parameters)
    assert {len(parameters.pop(name)) for name in ("state", "nonce", "code_challenge")} == {43}
    assert parameters == {
        "realm": "1",
        "response_type": "code",
        "client_id": "us",
        "redirect_uri": "http://localhost:8000/auth/external/idp/callback",
        "scope": "openid profile email",
        "code_challenge_method": "S256",
    }


async def test_the_cookie_is_opaque_and_short_lived(visitor: Browser):
    response = await visitor.client.get("/auth/external/idp/login?next=/top")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("raylens_flow_")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "max-age=600", "path=/", "samesite=lax"}
    assert response.headers["cache-control"] == "no-store"
    assert httpx.URL(response.headers["location"]).params["state"] not in cookie


async def test_over_https_the_cookie_has_the_host_prefix(database: Engine, clock: MovableClock, site: Application):
    providers, url = site.auth.settings.providers, "https://raylens.example"
    secure = create(database, clock, providers=providers, public_url=url, public_url_is_given=True)
    async with secure.client() as client:
        response = await client.get("/auth/external/idp/login")
    assert response.headers["set-cookie"].startswith("__Host-raylens_flow_")
    assert "; secure" in response.headers["set-cookie"].lower()
    redirect_uri = httpx.URL(response.headers["location"]).params["redirect_uri"]
    assert redirect_uri == "https://raylens.example/auth/external/idp/callback"


async def test_a_public_url_without_https_is_rejected(database: Engine, clock: MovableClock, site: Application):
    providers, url = site.auth.settings.providers, "http://raylens.example"
    plain = create(database, clock, providers=providers, public_url=url, public_url_is_given=True)
    async with plain.client() as client:
        assert (await client.get("/auth/external/idp/login")).status_code == 403


async def test_another_browser_cannot_finish_a_sign_in(
    site: Application, visitor: Browser, fake_provider: FakeProvider
):
    """Otherwise a link could sign its reader in as its author (login CSRF)."""
    redirect = await visitor.start_login()
    async with site.client() as client:
        response = await finish(Browser(client), fake_provider, redirect)
        assert is_rejected(response)
        assert "/auth/external/idp/login" in response.text
        assert await Browser(client).username() is None
    assert "/token" not in fake_provider.requested_paths


@pytest.mark.parametrize("state", ["", "x", "x" * 43, "ä\x00"])
async def test_an_unknown_state(visitor: Browser, state: str):
    await visitor.start_login()
    params = {"state": state, "code": "c"}
    assert is_rejected(await visitor.client.get("/auth/external/idp/callback", params=params))


async def test_a_sign_in_works_once(visitor: Browser, fake_provider: FakeProvider):
    redirect = await visitor.start_login()
    (name,) = state_cookies(visitor)
    copied = visitor.client.cookies[name]
    code = fake_provider.code_for(redirect)
    assert (await visitor.finish_login(redirect, code=code)).status_code == 303
    assert state_cookies(visitor) == []
    assert is_rejected(await visitor.finish_login(redirect, code=code))
    assert fake_provider.requested_paths.count("/token") == 1
    visitor.client.cookies[name] = copied
    replayed = await visitor.finish_login(redirect, code=code)
    assert (replayed.status_code, "already used" in replayed.text) == (400, True)


@pytest.mark.parametrize(("seconds", "status"), [(599, 303), (601, 400)])
async def test_a_sign_in_expires(
    site: Application, visitor: Browser, fake_provider: FakeProvider, seconds: int, status: int
):
    redirect = await visitor.start_login()
    site.clock.forward(seconds)
    assert (await finish(visitor, fake_provider, redirect)).status_code == status


async def test_a_modified_cookie_is_rejected(visitor: Browser, fake_provider: FakeProvider):
    redirect = await visitor.start_login()
    (name,) = state_cookies(visitor)
    value = visitor.client.cookies[name]
    for modified in (value[:-2], value[:50] + ("A" if value[50] != "A" else "B") + value[51:], "x", ""):
        visitor.client.cookies[name] = modified
        assert is_rejected(await visitor.finish_login(redirect, code="c"))
    assert "/token" not in fake_provider.requested_paths


async def test_an_older_secret_key_remains_valid(
    database: Engine, clock: MovableClock, site: Application, visitor: Browser, fake_provider: FakeProvider
):
    redirect = await visitor.start_login()
    settings = site.auth.settings
    keys = (b"a newer secret key, long enough", *settings.secret_keys)
    newer = create(database, clock, providers=settings.providers, secret_keys=keys)
    async with newer.client() as client:
        client.cookies.update(visitor.client.cookies)
        assert (await finish(Browser(client), fake_provider, redirect)).status_code == 303


async def test_tabs_are_independent(visitor: Browser, fake_provider: FakeProvider):
    paths = [f"/top?tab={tab}" for tab in range(5)]
    redirects = [await visitor.start_login(next=path) for path in paths]
    for redirect, path in reversed(list(zip(redirects, paths, strict=True))):
        assert (await finish(visitor, fake_provider, redirect)).headers["location"] == path


async def test_the_oldest_cookies_are_dropped(site: Application, visitor: Browser, fake_provider: FakeProvider):
    redirects = []
    for _ in range(20):
        redirects.append(await visitor.start_login(next="/x" * 400))
        site.clock.forward(1)
    size = sum(len(visitor.client.cookies[name]) for name in state_cookies(visitor))
    assert MAX_COOKIE_BYTES / 2 < size <= MAX_COOKIE_BYTES
    assert (await finish(visitor, fake_provider, redirects[0])).status_code == 400
    assert (await finish(visitor, fake_provider, redirects[-1])).status_code == 303


async def test_the_next_path(visitor: Browser, fake_provider: FakeProvider):
    """Unsafe and very long paths are replaced; ``tests/auth/oauth/test_sign_in_page.py`` has more unsafe ones."""
    longest = "/oauth/authorize?state=" + "s" * 2000
    paths = {longest: longest, longest + "s" * 2000: "/", "https://evil.example": "/", "/\\evil.example": "/", "": "/"}
    for path, target in paths.items():
        redirect = await visitor.start_login(next=path)
        assert all(len(visitor.client.cookies[name]) < 4000 for name in state_cookies(visitor))
        response = await finish(visitor, fake_provider, redirect)
        assert (response.status_code, response.headers["location"]) == (303, target), path


async def test_a_response_for_another_provider_is_rejected(
    database: Engine, clock: MovableClock, site: Application, fake_provider: FakeProvider
):
    (provider,) = site.auth.settings.providers
    both = create(database, clock, providers=(provider, provider.model_copy(update={"name": "other"})))
    async with both.client() as client:
        browser = Browser(client)
        redirect = await browser.start_login("idp")
        assert is_rejected(await browser.finish_login(redirect, "other", code=fake_provider.code_for(redirect)))
    assert "/token" not in fake_provider.requested_paths


@pytest.mark.parametrize("path", ["/auth/external/none/login", "/auth/external/none/callback?code=1&state=2"])
async def test_an_unknown_provider(visitor: Browser, path: str):
    response = await visitor.client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")


async def test_failed_linking_returns_to_the_account_page(site: Application, visitor: Browser):
    """A link to sign in would create another account."""
    user = site.auth.accounts.register("alice", "plum kettle orbit canyon", source=RequestSource())
    body = {"username": "alice", "password": "plum kettle orbit canyon"}
    assert (await visitor.client.post("/api/v1/session", json=body, headers=OWN)).status_code == 201
    redirect = await visitor.start_linking()
    response = await visitor.finish_login(redirect, error="access_denied")
    assert response.status_code == 400
    assert 'href="/account"' in response.text
    assert "login" not in response.text
    assert site.auth.identities.list(user.id) == []
