"""The own account: reading, changing, deleting it."""

from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import Engine, insert

from auth.audit import RequestSource
from auth.database import write
from auth.tables import identities
from tests.auth.application import PASSWORD, PASSWORD_HASH, Application
from tests.auth.routes.browser import api_client, browser
from tests.auth.user_factory import UserFactory

ACCOUNT = "/api/v1/account"
OTHER = "a heron over the wet meadow"


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add("alice", password=PASSWORD_HASH)


def link(database: Engine, user_id: int, subject: str = "1") -> None:
    values = {
        "user_id": user_id,
        "provider": "google",
        "issuer": "https://accounts.google.com",
        "subject": subject,
        "email": "alice@gmail.example",
        "created_us": 0,
        "seen_us": 0,
    }
    write(database, lambda connection: connection.execute(insert(identities).values(values)))


def events(application: Application) -> list[str]:
    return [entry.event for entry in application.auth.audit.entries()]


async def test_users_read_their_account(alice_client: AsyncClient, database: Engine, alice: int):
    link(database, alice)
    reply = await alice_client.get(ACCOUNT)
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    [identity] = reply.json()["identities"]
    assert reply.json() == {
        "id": alice,
        "username": "alice",
        "email": "alice@example.org",
        "role": "user",
        "created_at": "2027-01-15T08:00:00Z",
        "has_password": True,
        "identities": [identity],
    }
    assert identity == {
        "id": identity["id"],
        "provider": "google",
        "title": "google",
        "email": "alice@gmail.example",
        "created_at": "1970-01-01T00:00:00Z",
    }


async def test_an_api_key_reads_it_with_the_scope_profile(application: Application, factory: UserFactory, alice: int):
    for scopes, status in (({"profile"}, 200), ({"classify", "history:read"}, 403)):
        async with api_client(application, factory.issue(alice, "key", frozenset(scopes))) as script:
            assert (await script.get(ACCOUNT)).status_code == status
            assert (await script.patch(ACCOUNT, json={})).status_code == 403


async def test_name_and_address_change_with_the_password(alice_client: AsyncClient, application: Application):
    for field, value, stored in (
        ("username", "Alice.Liddell", "Alice.Liddell"),
        ("email", "alice@Wonder.land", "alice@wonder.land"),
        ("email", "", ""),
    ):
        change = {field: value}
        for password in ({}, {"current_password": None}):
            missing = await alice_client.patch(ACCOUNT, json=change | password)
            assert missing.json() == {"code": "invalid_fields", "detail": "current_password: This field is required."}
        wrong = await alice_client.patch(ACCOUNT, json=change | {"current_password": OTHER})
        assert (wrong.status_code, wrong.json()["detail"]) == (400, "current_password: Invalid password.")
        reply = await alice_client.patch(ACCOUNT, json=change | {"current_password": PASSWORD})
        assert (reply.status_code, reply.json()[field]) == (200, stored)
        assert (await alice_client.get(ACCOUNT)).json() == reply.json()
        assert (await alice_client.get("/api/v1/session")).json()["user"][field] == stored
        assert events(application)[0] == "user.profile_changed"


async def test_nothing_changed_needs_no_password(alice_client: AsyncClient, application: Application):
    before = events(application)
    assert (await alice_client.patch(ACCOUNT, json={})).status_code == 200
    assert (await alice_client.patch(ACCOUNT, json={"username": None, "email": None})).status_code == 200
    assert events(application) == before


async def test_a_user_without_a_password_needs_none(application: Application, factory: UserFactory):
    async with browser(application, factory.issue(factory.add("carol", password=None))) as carols:
        assert (await carols.patch(ACCOUNT, json={"username": "caro"})).json()["username"] == "caro"
        assert not (await carols.get(ACCOUNT)).json()["has_password"]
        changed = await carols.post(f"{ACCOUNT}/password", json={"new_password": PASSWORD})
        assert changed.status_code == 204
        assert (await carols.get(ACCOUNT)).json()["has_password"]
        assert (await carols.patch(ACCOUNT, json={"username": "carol"})).status_code == 400


async def test_invalid_names_and_addresses_are_rejected(alice_client: AsyncClient, factory: UserFactory):
    factory.add("bob")
    before = (await alice_client.get(ACCOUNT)).json()
    for field, value in (
        ("username", "a b"),
        ("username", "BOB"),
        ("email", "nowhere"),
    ):
        reply = await alice_client.patch(ACCOUNT, json={field: value, "current_password": PASSWORD})
        assert (reply.status_code, reply.json()["code"]) == (400, "invalid_fields"), value
        assert reply.json()["detail"].startswith(f"{field}: "), value
    bodies: list[Any] = [[], "x", None, {"role": "admin"}, {"username": 7}, {"email": ["a@b.c"]}, {"id": 1}]
    for body in bodies:
        assert (await alice_client.patch(ACCOUNT, json=body)).status_code == 422, body
    assert (await alice_client.get(ACCOUNT)).json() == before


async def test_a_new_password_ends_all_other_sessions_and_tokens(
    alice_client: AsyncClient,
    anonymous_client: AsyncClient,
    application: Application,
    factory: UserFactory,
    alice: int,
):
    phone, token, key = (factory.issue(alice, kind) for kind in ("session", "token", "key"))
    async with browser(application, phone) as on_the_phone:
        assert (await on_the_phone.get(ACCOUNT)).status_code == 200
        change = {"current_password": PASSWORD, "new_password": OTHER}
        assert (await alice_client.post(f"{ACCOUNT}/password", json=change)).status_code == 204
        assert (await on_the_phone.get(ACCOUNT)).status_code == 401
    assert factory.principal(token) is None
    assert factory.principal(key)
    assert (await alice_client.get(ACCOUNT)).status_code == 200
    for password, status in ((PASSWORD, 400), (OTHER, 201)):
        reply = await anonymous_client.post("/api/v1/session", json={"username": "alice", "password": password})
        assert reply.status_code == status
    assert "user.password_changed" in events(application)


async def test_an_invalid_password_change_is_rejected(alice_client: AsyncClient, anonymous_client: AsyncClient):
    for change, detail in (
        ({"new_password": OTHER}, "current_password: This field is required."),
        ({"current_password": OTHER, "new_password": OTHER}, "current_password: Invalid password."),
        ({"current_password": PASSWORD, "new_password": "short"}, "new_password: This password is too short."),
        ({"current_password": PASSWORD, "new_password": "x" * 200}, "new_password: Ensure this field has no more"),
        ({"current_password": PASSWORD, "new_password": "alice alice alice"}, "new_password: "),
    ):
        reply = await alice_client.post(f"{ACCOUNT}/password", json=change)
        assert (reply.status_code, reply.json()["code"]) == (400, "invalid_fields"), change
        assert reply.json()["detail"].startswith(detail), change
    signed_in = await anonymous_client.post("/api/v1/session", json={"username": "alice", "password": PASSWORD})
    assert signed_in.status_code == 201


async def test_guesses_of_the_current_password_are_throttled(alice_client: AsyncClient):
    guess = {"current_password": "x" * 15, "new_password": OTHER}
    guesses = [await alice_client.post(f"{ACCOUNT}/password", json=guess) for _ in range(6)]
    assert guesses[-1].status_code == 429


async def test_deleting_the_account_deletes_all_of_it(
    alice_client: AsyncClient,
    anonymous_client: AsyncClient,
    application: Application,
    factory: UserFactory,
    alice: int,
):
    secrets = [factory.issue(alice, kind) for kind in ("session", "token", "key")]
    assert (await alice_client.request("DELETE", ACCOUNT, json={})).status_code == 400
    assert (await alice_client.request("DELETE", ACCOUNT, json={"current_password": OTHER})).status_code == 400
    assert all(factory.principal(secret) for secret in secrets)
    erased: list[int] = []
    application.auth.erase = erased.append
    reply = await alice_client.request("DELETE", ACCOUNT, json={"current_password": PASSWORD})
    assert (reply.status_code, reply.content) == (204, b"")
    assert "Max-Age=0" in reply.headers["set-cookie"]
    assert erased == [alice]
    assert not any(factory.principal(secret) for secret in secrets)
    assert (await alice_client.get(ACCOUNT)).status_code == 401
    signed_in = await anonymous_client.post("/api/v1/session", json={"username": "alice", "password": PASSWORD})
    assert signed_in.status_code == 400


async def test_a_user_without_a_password_deletes_the_account_without_one(
    application: Application, factory: UserFactory
):
    async with browser(application, factory.issue(factory.add("carol", password=None))) as carols:
        assert (await carols.request("DELETE", ACCOUNT, json={})).status_code == 204
    assert application.auth.accounts.find("carol") == []


async def test_an_account_that_another_replica_has_just_deleted(
    alice_client: AsyncClient, application: Application, alice: int
):
    """This replica still has the principal in its cache."""
    assert (await alice_client.get(ACCOUNT)).status_code == 200
    application.auth.accounts.delete(alice, actor_id=0, source=RequestSource())
    assert (await alice_client.get(ACCOUNT)).status_code == 401
    assert (await alice_client.patch(ACCOUNT, json={"username": "x"})).status_code == 401
    assert (await alice_client.post(f"{ACCOUNT}/password", json={"new_password": OTHER})).status_code == 404


async def test_unlinking_an_identity(alice_client: AsyncClient, database: Engine, application: Application, alice: int):
    link(database, alice)
    [identity] = (await alice_client.get(ACCOUNT)).json()["identities"]
    path = f"{ACCOUNT}/identities/{identity['id']}"
    assert (await alice_client.delete(path)).status_code == 204
    assert (await alice_client.get(ACCOUNT)).json()["identities"] == []
    assert (await alice_client.delete(path)).status_code == 404
    assert events(application)[0] == "identity.unlinked"


async def test_other_identities_and_the_only_credential_cannot_be_unlinked(
    alice_client: AsyncClient, database: Engine, application: Application, factory: UserFactory
):
    carol = factory.add("carol", password=None)
    link(database, carol)
    [identity] = application.auth.identities.list(carol)
    path = f"{ACCOUNT}/identities/{identity.id}"
    assert (await alice_client.delete(path)).status_code == 404
    async with browser(application, factory.issue(carol)) as carols:
        assert (await carols.delete(path)).status_code == 403
    assert application.auth.identities.list(carol) == [identity]
