"""Applications that act for a user: they are listed, and revoked at once."""

from dataclasses import replace

import pytest
from httpx import AsyncClient

from auth.credentials.lifetimes import DAY
from tests.auth.application import Application
from tests.auth.databases import both_databases
from tests.auth.oauth.partner import SCOPES, Partner
from tests.auth.routes.browser import api_client, browser
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

APPS = "/api/v1/account/apps"
LOOPBACK = "http://127.0.0.1:50123/callback"


@pytest.fixture
def album(application: Application, alice_client: AsyncClient) -> Partner:
    return Partner.register(
        application, alice_client, id="photo-album", name="Photo album", uri="https://album.example.org", scopes=SCOPES
    )


@pytest.fixture
def cli(application: Application, alice_client: AsyncClient) -> Partner:
    client = application.auth.clients.get("raylens-cli")
    assert client
    return Partner(application, alice_client, client, None)


async def access_token_of(cli: Partner, scope: str) -> str:
    """An access token of the command line client."""
    code = await cli.code(redirect_uri=LOOPBACK, scope=scope)
    reply = await cli.redeem(code, redirect_uri=LOOPBACK)
    return str(reply.json()["access_token"])


async def test_a_disabled_and_a_deleted_client_is_rejected_at_once(
    admin_client: AsyncClient, application: Application, album: Partner
):
    tokens = (await album.redeem(await album.code())).json()
    url = f"/api/v1/admin/clients/{album.client.id}"
    async with api_client(application, tokens["access_token"]) as script:
        statuses = [(await script.get("/api/v1/session")).status_code]
        for change in ({"disabled": True}, {"disabled": False}):
            assert (await admin_client.patch(url, json=change)).status_code == 200
            statuses.append((await script.get("/api/v1/session")).status_code)
        assert (await admin_client.delete(url)).status_code == 204
        statuses.append((await script.get("/api/v1/session")).status_code)
    assert statuses == [200, 401, 200, 401]


@both_databases
async def test_an_application_is_listed_and_revoked(
    alice_client: AsyncClient, application: Application, clock: MovableClock, album: Partner, alice: int
):
    code = await album.code()
    clock.forward(30)
    tokens = (await album.redeem(code)).json()
    assert (await alice_client.get(APPS)).json() == {
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
    async with api_client(application, tokens["access_token"]) as script:
        assert (await script.get("/api/v1/account")).status_code == 200
        assert (await script.get(APPS)).status_code == 403
        assert (await alice_client.delete(f"{APPS}/photo-album")).status_code == 204
        assert (await script.get("/api/v1/account")).status_code == 401
    assert (await album.refresh(tokens["refresh_token"])).status_code == 400
    assert (await alice_client.get(APPS)).json() == {"items": []}
    assert (await alice_client.delete(f"{APPS}/photo-album")).status_code == 404
    assert application.auth.audit.entries(user_id=alice)[0].event == "app.revoked"


async def test_a_trusted_application_is_listed_and_revoked_without_a_consent(
    alice_client: AsyncClient, cli: Partner, clock: MovableClock
):
    laptop = await access_token_of(cli, "profile")
    clock.forward(60)
    desktop = await access_token_of(cli, "classify profile")
    [item] = (await alice_client.get(APPS)).json()["items"]
    assert (item["client_id"], item["scopes"]) == ("raylens-cli", ["classify", "profile"])
    assert (item["created_at"], item["seen_at"]) == ("2027-01-15T08:00:00Z", "2027-01-15T08:01:00Z")
    assert await cli.is_accepted(laptop)
    assert (await alice_client.delete(f"{APPS}/raylens-cli")).status_code == 204
    assert not await cli.is_accepted(laptop)
    assert not await cli.is_accepted(desktop)
    assert (await alice_client.get(APPS)).json() == {"items": []}


@both_databases
async def test_expired_authorizations_are_not_listed(
    alice_client: AsyncClient, cli: Partner, application: Application, clock: MovableClock, alice: int
):
    await cli.code(redirect_uri=LOOPBACK)
    assert (await alice_client.get(APPS)).json() == {"items": []}
    await access_token_of(cli, "profile")
    assert len(application.auth.grants.consents(alice)) == 1
    clock.forward(14 * DAY - 1)
    assert len(application.auth.grants.consents(alice)) == 1
    clock.forward(1)
    assert application.auth.grants.consents(alice) == []


async def test_applications_of_others_cannot_be_revoked(
    alice_client: AsyncClient, application: Application, factory: UserFactory, album: Partner
):
    bob = factory.add("bob")
    async with browser(application, factory.issue(bob)) as bobs:
        tokens = await replace(album, browser=bobs).tokens()
    for client_id in ("photo-album", "nobody", "PHOTO-ALBUM", "%00", "x" * 64, "x" * 65, "é", "%F0%9F%90%95", "1"):
        assert (await alice_client.delete(f"{APPS}/{client_id}")).status_code in {404, 422}
    assert await album.is_accepted(tokens["access_token"])
    assert len(application.auth.grants.consents(bob)) == 1
