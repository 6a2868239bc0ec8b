"""The applications that act for somebody: seen, and stopped at once."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import Engine

from auth.credentials.lifetimes import DAY
from serve_app.database.engine import connect
from tests.auth.application import Application
from tests.auth.oauth.partner import SCOPES, Partner
from tests.auth.routes.browser import browser, program
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

APPS = "/api/v1/account/apps"
LOOPBACK = "http://127.0.0.1:50123/callback"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """On both: what lives is found by a query of several tables."""
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def album(application: Application, hers: httpx.AsyncClient) -> Partner:
    return Partner.register(
        application, hers, id="photo-album", name="Photo album", uri="https://album.example.org", scopes=SCOPES
    )


@pytest.fixture
def cli(application: Application, hers: httpx.AsyncClient) -> Partner:
    client = application.auth.clients.get("raylens-cli")
    assert client
    return Partner(application, hers, client, None)


async def signed_in_with(cli: Partner, scope: str) -> str:
    """The access token of a command line somewhere."""
    code = await cli.code(redirect_uri=LOOPBACK, scope=scope)
    reply = await cli.redeem(code, redirect_uri=LOOPBACK)
    return str(reply.json()["access_token"])


async def test_an_application_is_listed_and_stopped(
    hers: httpx.AsyncClient, application: Application, clock: MovableClock, album: Partner, alice: int
):
    code = await album.code()
    clock.forward(30)
    tokens = (await album.redeem(code)).json()
    assert (await hers.get(APPS)).json() == {
        "items": [
            {
                "client_id": "photo-album",
                "name": "Photo album",
                "uri": "https://album.example.org",
                "scopes": ["classify", "profile"],
                "created_at": "2027-01-15T08:00:00Z",
                "seen_at": "2027-01-15T08:00:30Z",
            }
        ]
    }
    async with program(application, tokens["access_token"]) as script:
        assert (await script.get("/api/v1/account")).status_code == 200
        assert (await script.get(APPS)).status_code == 403
        assert (await hers.delete(f"{APPS}/photo-album")).status_code == 204
        assert (await script.get("/api/v1/account")).status_code == 401
    assert (await album.refresh(tokens["refresh_token"])).status_code == 400
    assert (await hers.get(APPS)).json() == {"items": []}
    assert (await hers.delete(f"{APPS}/photo-album")).status_code == 404
    assert application.auth.audit.entries(user_id=alice)[0].event == "app.revoked"


async def test_a_trusted_one_is_listed_and_stopped_though_nobody_was_asked(
    hers: httpx.AsyncClient, cli: Partner, clock: MovableClock
):
    laptop = await signed_in_with(cli, "profile")
    clock.forward(60)
    desktop = await signed_in_with(cli, "classify profile")
    [item] = (await hers.get(APPS)).json()["items"]
    assert (item["client_id"], item["scopes"]) == ("raylens-cli", ["classify", "profile"])
    assert (item["created_at"], item["seen_at"]) == ("2027-01-15T08:00:00Z", "2027-01-15T08:01:00Z")
    assert await cli.is_let_in(laptop)
    assert (await hers.delete(f"{APPS}/raylens-cli")).status_code == 204
    assert not await cli.is_let_in(laptop)
    assert not await cli.is_let_in(desktop)
    assert (await hers.get(APPS)).json() == {"items": []}


async def test_what_has_ended_is_not_listed(
    hers: httpx.AsyncClient, cli: Partner, application: Application, clock: MovableClock, alice: int
):
    await cli.code(redirect_uri=LOOPBACK)
    assert (await hers.get(APPS)).json() == {"items": []}
    await signed_in_with(cli, "profile")
    assert len(application.auth.grants.consents(alice)) == 1
    clock.forward(14 * DAY - 1)
    assert len(application.auth.grants.consents(alice)) == 1
    clock.forward(1)
    assert application.auth.grants.consents(alice) == []


async def test_what_does_not_act_for_her(
    hers: httpx.AsyncClient, application: Application, factory: UserFactory, album: Partner
):
    bob = factory.add("bob")
    async with browser(application, factory.issue(bob)) as bobs:
        tokens = await replace(album, browser=bobs).tokens()
    for client_id in ("photo-album", "nobody", "PHOTO-ALBUM", "%00", "x" * 64, "x" * 65, "é", "%F0%9F%90%95", "1"):
        assert (await hers.delete(f"{APPS}/{client_id}")).status_code in {404, 422}
    assert await album.is_let_in(tokens["access_token"])
    assert len(application.auth.grants.consents(bob)) == 1
