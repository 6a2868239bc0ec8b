"""Where one is signed in, and the end of it."""

import pytest
from httpx import AsyncClient

from auth.audit import RequestSource
from tests.auth.application import Application
from tests.auth.routes.browser import api_client, browser
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

SESSIONS = "/api/v1/account/sessions"
STATE = "/api/v1/session"


async def test_all_sign_ins_are_listed_and_nothing_else(
    alice_client: AsyncClient, factory: UserFactory, alice: int, clock: MovableClock
):
    clock.forward(3600)
    token = factory.issue(alice, "token")
    factory.issue(alice, "key")
    factory.issue(factory.add("bob"))
    items = (await alice_client.get(SESSIONS)).json()["items"]
    assert items[0] == {
        "id": factory.credential_id(token),
        "kind": "token",
        "created_at": "2027-01-15T09:00:00Z",
        "seen_at": "2027-01-15T09:00:00Z",
        "expires_at": "2027-02-14T09:00:00Z",
        "address": "",
        "user_agent": "",
        "current": False,
    }
    [session] = items[1:]
    assert (session["kind"], session["current"]) == ("session", True)
    assert session["expires_at"] == "2027-01-15T21:00:00Z"


async def test_where_a_sign_in_came_from(anonymous_client: AsyncClient, application: Application):
    application.auth.accounts.register("carol", "plum kettle orbit canyon", source=RequestSource())
    credentials = {"username": "carol", "password": "plum kettle orbit canyon"}
    reply = await anonymous_client.post(STATE, json=credentials, headers={"User-Agent": "Firefox"})
    assert reply.status_code == 201
    [session] = (await anonymous_client.get(SESSIONS)).json()["items"]
    assert (session["address"], session["user_agent"]) == ("203.0.113.7", "Firefox")


async def test_one_that_is_ended_is_refused_at_once(
    alice_client: AsyncClient, application: Application, factory: UserFactory, alice: int
):
    session, token = factory.issue(alice), factory.issue(alice, "token")
    async with browser(application, session) as phone, api_client(application, token) as script:
        assert (await phone.get(SESSIONS)).status_code == 200
        assert (await script.get(SESSIONS)).status_code == 200
        for secret in (session, token):
            assert (await alice_client.delete(f"{SESSIONS}/{factory.credential_id(secret)}")).status_code == 204
        assert (await phone.get(SESSIONS)).status_code == 401
        assert (await script.get(SESSIONS)).status_code == 401
    assert len((await alice_client.get(SESSIONS)).json()["items"]) == 1
    entries = application.auth.audit.entries(user_id=alice)
    assert [entry.event for entry in entries] == ["credential.revoked"] * 2
    assert {entry.address for entry in entries} == {"203.0.113.7"}


async def test_signing_out_everywhere_else(
    alice_client: AsyncClient, application: Application, factory: UserFactory, alice: int
):
    session, token = factory.issue(alice), factory.issue(alice, "token")
    key, bobs = factory.issue(alice, "key"), factory.issue(factory.add("bob"))
    async with browser(application, session) as phone:
        assert (await phone.get(SESSIONS)).status_code == 200
        assert (await alice_client.delete(SESSIONS)).status_code == 204
        assert (await phone.get(SESSIONS)).status_code == 401
    assert factory.principal(token) is None
    assert factory.principal(key)
    assert factory.principal(bobs)
    assert [item["current"] for item in (await alice_client.get(SESSIONS)).json()["items"]] == [True]
    [entry] = application.auth.audit.entries()
    assert (entry.event, entry.detail) == ("credential.revoked", {"kind": "session", "count": 2})
    assert (await alice_client.delete(SESSIONS)).status_code == 204
    assert len(application.auth.audit.entries()) == 1


async def test_a_token_signs_out_the_others_and_stays(application: Application, factory: UserFactory, alice: int):
    session, token = factory.issue(alice), factory.issue(alice, "token")
    async with api_client(application, token) as script:
        assert (await script.delete(SESSIONS)).status_code == 204
        [item] = (await script.get(SESSIONS)).json()["items"]
    assert (item["kind"], item["current"]) == ("token", True)
    assert factory.principal(session) is None


async def test_ending_the_current_one_signs_out(alice_client: AsyncClient):
    [item] = (await alice_client.get(SESSIONS)).json()["items"]
    assert (await alice_client.delete(f"{SESSIONS}/{item['id']}")).status_code == 204
    assert (await alice_client.get(SESSIONS)).status_code == 401
    assert (await alice_client.get(STATE)).json()["user"] is None


async def test_what_is_not_ones_own_is_not_there(alice_client: AsyncClient, factory: UserFactory, alice: int):
    bobs, key = factory.issue(factory.add("bob")), factory.issue(alice, "key")
    for secret in (bobs, key):
        assert (await alice_client.delete(f"{SESSIONS}/{factory.credential_id(secret)}")).status_code == 404
        assert factory.principal(secret)
    assert (await alice_client.delete(f"{SESSIONS}/4711")).status_code == 404


@pytest.mark.parametrize("id_", ["0", "-1", str(1 << 63), "9" * 400, "x", "1.5", "%00", "１", "%F0%9F%90%95"])
async def test_what_is_no_id(alice_client: AsyncClient, id_: str):
    assert (await alice_client.delete(f"{SESSIONS}/{id_}")).status_code in {404, 422}
    assert (await alice_client.get(SESSIONS)).status_code == 200


async def test_the_largest_id_is_asked_for(alice_client: AsyncClient):
    assert (await alice_client.delete(f"{SESSIONS}/{(1 << 63) - 1}")).status_code == 404
