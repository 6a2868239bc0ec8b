"""A sign-in belongs to the browser that began it, once, for ten minutes; its tabs don't disturb each other."""

from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from auth.audit import RequestSource
from auth.external.flow import MOST_COOKIES_BYTES
from tests.auth.application import Application, create
from tests.auth.external.false_provider import FalseProvider
from tests.auth.external.traveller import OWN, Departure, Traveller
from tests.clock import MovableClock

STALE = "This sign-in was not begun in this browser"


def cookies(client: httpx.AsyncClient) -> list[str]:
    """The flows under way."""
    return [name for name in client.cookies if "flow" in name]


async def arrive(traveller: Traveller, provider: FalseProvider, departure: Departure, **query: Any) -> httpx.Response:
    return await traveller.come_back(departure, code=provider.code_for(departure), **query)


async def test_what_the_provider_is_told(believer: Traveller, false_provider: FalseProvider):
    departure = await believer.depart(next="/top")
    assert departure.url.startswith(f"{false_provider.issuer}/authorize?realm=1&")
    told = dict(departure.parameters)
    assert {len(told.pop(name)) for name in ("state", "nonce", "code_challenge")} == {43}
    assert told == {
        "realm": "1",
        "response_type": "code",
        "client_id": "us",
        "redirect_uri": "http://localhost:8000/auth/external/idp/callback",
        "scope": "openid profile email",
        "code_challenge_method": "S256",
    }


async def test_the_cookie_tells_nothing_and_does_not_stay(believer: Traveller):
    reply = await believer.client.get("/auth/external/idp/login?next=/top")
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith("raylens_flow_")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
        "httponly",
        "max-age=600",
        "path=/",
        "samesite=lax",
    }
    assert reply.headers["cache-control"] == "no-store"
    assert httpx.URL(reply.headers["location"]).params["state"] not in cookie


async def test_over_https_nobody_else_can_plant_it(engine: Engine, clock: MovableClock, misled: Application):
    settings = misled.auth.settings
    site = create(
        engine, clock, providers=settings.providers, public_url="https://raylens.example", public_url_is_given=True
    )
    async with site.client() as client:
        reply = await client.get("/auth/external/idp/login")
    assert reply.headers["set-cookie"].startswith("__Host-raylens_flow_")
    assert "; secure" in reply.headers["set-cookie"].lower()
    redirect_uri = httpx.URL(reply.headers["location"]).params["redirect_uri"]
    assert redirect_uri == "https://raylens.example/auth/external/idp/callback"


async def test_without_https_nobody_goes_anywhere(engine: Engine, clock: MovableClock, misled: Application):
    site = create(
        engine,
        clock,
        providers=misled.auth.settings.providers,
        public_url="http://raylens.example",
        public_url_is_given=True,
    )
    async with site.client() as client:
        reply = await client.get("/auth/external/idp/login")
    assert reply.status_code == 403
    assert "needs https" in reply.text


async def test_another_browser_cannot_finish_it(
    misled: Application, believer: Traveller, false_provider: FalseProvider
):
    """Or a link would sign its reader in as who made it."""
    departure = await believer.depart()
    async with misled.client() as client:
        back = await arrive(Traveller(client), false_provider, departure)
        assert (back.status_code, STALE in back.text) == (400, True)
        assert "/auth/external/idp/login" in back.text
        assert await Traveller(client).name() is None
    assert "/token" not in false_provider.asked


@pytest.mark.parametrize("state", ["", "x", "x" * 43, "ä\x00"])
async def test_a_state_that_is_not_the_browsers(believer: Traveller, state: str):
    await believer.depart()
    back = await believer.client.get("/auth/external/idp/callback", params={"state": state, "code": "c"})
    assert (back.status_code, STALE in back.text) == (400, True)


async def test_it_is_over_when_it_is_done(believer: Traveller, false_provider: FalseProvider):
    departure = await believer.depart()
    code = false_provider.code_for(departure)
    assert (await believer.come_back(departure, code=code)).status_code == 303
    assert cookies(believer.client) == []
    replayed = await believer.come_back(departure, code=code)
    assert (replayed.status_code, STALE in replayed.text) == (400, True)
    assert false_provider.asked.count("/token") == 1


async def test_a_copied_cookie_does_not_make_a_code_good_again(believer: Traveller, false_provider: FalseProvider):
    departure = await believer.depart()
    (name,) = cookies(believer.client)
    copied = believer.client.cookies[name]
    code = false_provider.code_for(departure)
    await believer.come_back(departure, code=code)
    believer.client.cookies[name] = copied
    replayed = await believer.come_back(departure, code=code)
    assert (replayed.status_code, "used already" in replayed.text) == (400, True)


@pytest.mark.parametrize(("seconds", "status"), [(599, 303), (601, 400)])
async def test_it_may_take_ten_minutes(
    misled: Application, believer: Traveller, false_provider: FalseProvider, seconds: int, status: int
):
    departure = await believer.depart()
    misled.clock.forward(seconds)
    assert (await arrive(believer, false_provider, departure)).status_code == status


async def test_a_cookie_that_was_changed_is_none(believer: Traveller, false_provider: FalseProvider):
    departure = await believer.depart()
    (name,) = cookies(believer.client)
    sealed = believer.client.cookies[name]
    for changed in (sealed[:-2], sealed[:50] + ("A" if sealed[50] != "A" else "B") + sealed[51:], "x", ""):
        believer.client.cookies[name] = changed
        assert (await believer.come_back(departure, code="c")).status_code == 400
        assert "/token" not in false_provider.asked


async def test_an_older_secret_key_still_opens_it(
    engine: Engine, clock: MovableClock, misled: Application, believer: Traveller, false_provider: FalseProvider
):
    departure = await believer.depart()
    settings = misled.auth.settings
    keys = (b"a newer secret key, long enough", *settings.secret_keys)
    newer = create(engine, clock, providers=settings.providers, secret_keys=keys)
    async with newer.client() as client:
        client.cookies.update(believer.client.cookies)
        assert (await arrive(Traveller(client), false_provider, departure)).status_code == 303


async def test_tabs_do_not_disturb_each_other(believer: Traveller, false_provider: FalseProvider):
    tabs = [(await believer.depart(next=f"/top?tab={tab}"), f"/top?tab={tab}") for tab in range(5)]
    for departure, wanted in reversed(tabs):
        assert (await arrive(believer, false_provider, departure)).headers["location"] == wanted


async def test_many_tabs_leave_room_for_other_headers(
    misled: Application, believer: Traveller, false_provider: FalseProvider
):
    departures = []
    for _ in range(20):
        departures.append(await believer.depart(next="/x" * 400))
        misled.clock.forward(1)
    held = sum(len(believer.client.cookies[name]) for name in cookies(believer.client))
    assert MOST_COOKIES_BYTES / 2 < held <= MOST_COOKIES_BYTES
    assert (await arrive(believer, false_provider, departures[0])).status_code == 400
    assert (await arrive(believer, false_provider, departures[-1])).status_code == 303


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "top", "/\t/evil.example", ""],
)
async def test_it_goes_on_nowhere_but_here(believer: Traveller, false_provider: FalseProvider, path: str):
    back = await arrive(believer, false_provider, await believer.depart(next=path))
    assert (back.status_code, back.headers["location"]) == (303, "/")


async def test_a_request_for_authorization_is_taken_along(believer: Traveller, false_provider: FalseProvider):
    path = "/oauth/authorize?state=" + "s" * 2000
    back = await arrive(believer, false_provider, await believer.depart(next=path))
    assert back.headers["location"] == path
    assert all(len(believer.client.cookies[name]) < 4000 for name in cookies(believer.client))
    back = await arrive(believer, false_provider, await believer.depart(next=path + "s" * 2000))
    assert back.headers["location"] == "/"


async def test_an_answer_is_for_the_provider_that_was_asked(
    engine: Engine, clock: MovableClock, misled: Application, false_provider: FalseProvider
):
    (provider,) = misled.auth.settings.providers
    site = create(engine, clock, providers=(provider, provider.model_copy(update={"name": "other"})))
    async with site.client() as client:
        departure = await Traveller(client).depart("idp")
        back = await Traveller(client).come_back(departure, "other", code=false_provider.code_for(departure))
    assert (back.status_code, STALE in back.text) == (400, True)
    assert "/token" not in false_provider.asked


@pytest.mark.parametrize("path", ["/auth/external/none/login", "/auth/external/none/callback?code=1&state=2"])
async def test_a_provider_that_there_is_not(believer: Traveller, path: str):
    reply = await believer.client.get(path)
    assert reply.status_code == 404
    assert reply.headers["content-type"].startswith("text/html")


async def test_linking_goes_back_to_the_account_when_it_fails(misled: Application, believer: Traveller):
    """Not to a sign-in, which would make another account."""
    user = misled.auth.accounts.register("alice", "plum kettle orbit canyon", source=RequestSource())
    body = {"username": "alice", "password": "plum kettle orbit canyon"}
    assert (await believer.client.post("/api/v1/session", json=body, headers=OWN)).status_code == 201
    departure = await believer.depart_to_link()
    back = await believer.come_back(departure, error="access_denied")
    assert back.status_code == 400
    assert 'href="/account"' in back.text
    assert "login" not in back.text
    assert misled.auth.identities.list(user.id) == []
