"""The list of sessions and tokens, and their revocation."""

from httpx import AsyncClient

from tests.auth.application import PASSWORD, PASSWORD_HASH, Application
from tests.auth.routes.browser import api_client, browser
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

SESSIONS = "/api/v1/account/sessions"
STATE = "/api/v1/session"


async def test_sessions_and_tokens_are_listed(
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


async def test_a_session_has_its_address_and_user_agent(anonymous_client: AsyncClient, factory: UserFactory):
    factory.add("carol", password=PASSWORD_HASH)
    credentials = {"username": "carol", "password": PASSWORD}
    reply = await anonymous_client.post(STATE, json=credentials, headers={"User-Agent": "Firefox"})
    assert reply.status_code == 201
    [session] = (await anonymous_client.get(SESSIONS)).json()["items"]
    assert (session["address"], session["user_agent"]) == ("203.0.113.7", "Firefox")


async def test_a_revoked_session_or_token_is_rejected_at_once(
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


async def test_revoking_all_other_sessions(
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


async def test_a_token_revokes_the_others_and_stays_valid(application: Application, factory: UserFactory, alice: int):
    session, token = factory.issue(alice), factory.issue(alice, "token")
    async with api_client(application, token) as script:
        assert (await script.delete(SESSIONS)).status_code == 204
        [item] = (await script.get(SESSIONS)).json()["items"]
    assert (item["kind"], item["current"]) == ("token", True)
    assert factory.principal(session) is None


async def test_revoking_the_current_session_signs_out(alice_client: AsyncClient):
    [item] = (await alice_client.get(SESSIONS)).json()["items"]
    assert (await alice_client.delete(f"{SESSIONS}/{item['id']}")).status_code == 204
    assert (await alice_client.get(SESSIONS)).status_code == 401
    assert (await alice_client.get(STATE)).json()["user"] is None


async def test_credentials_of_others_and_keys_are_not_found(
    alice_client: AsyncClient, factory: UserFactory, alice: int
):
    bobs, key = factory.issue(factory.add("bob")), factory.issue(alice, "key")
    for secret in (bobs, key):
        assert (await alice_client.delete(f"{SESSIONS}/{factory.credential_id(secret)}")).status_code == 404
        assert factory.principal(secret)
    assert (await alice_client.delete(f"{SESSIONS}/4711")).status_code == 404


async def test_invalid_and_unknown_ids(alice_client: AsyncClient):
    for id_ in ("0", "-1", str(1 << 63), "9" * 400, "x", "1.5", "%00", "１", "%F0%9F%90%95"):
        assert (await alice_client.delete(f"{SESSIONS}/{id_}")).status_code in {404, 422}, id_
    assert (await alice_client.delete(f"{SESSIONS}/{(1 << 63) - 1}")).status_code == 404
    assert (await alice_client.get(SESSIONS)).status_code == 200
