"""One's own account: seen, changed, left."""

from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, insert

from auth.audit import RequestSource
from auth.database import write
from auth.tables import identities
from tests.auth.application import Application
from tests.auth.routes.browser import browser, program
from tests.auth.user_factory import UserFactory

ACCOUNT = "/api/v1/account"
PASSWORD = "plum kettle orbit canyon"
OTHER = "a heron over the wet meadow"


@pytest.fixture
def alice(application: Application) -> int:
    """With a password that the test knows."""
    return application.auth.accounts.register("alice", PASSWORD, "alice@example.org", source=RequestSource()).id


def link(engine: Engine, user_id: int, subject: str = "1") -> None:
    values = {
        "user_id": user_id,
        "provider": "google",
        "issuer": "https://accounts.google.com",
        "subject": subject,
        "email": "alice@gmail.example",
        "created_us": 0,
        "seen_us": 0,
    }
    write(engine, lambda connection: connection.execute(insert(identities).values(values)))


def events(application: Application) -> list[str]:
    return [entry.event for entry in application.auth.audit.entries()]


async def test_what_one_sees_of_oneself(hers: httpx.AsyncClient, engine: Engine, alice: int):
    link(engine, alice)
    reply = await hers.get(ACCOUNT)
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


@pytest.mark.parametrize(("scopes", "status"), [({"profile"}, 200), ({"classify", "history:read"}, 403)])
async def test_a_program_sees_it_with_the_scope_for_it(
    application: Application, factory: UserFactory, alice: int, scopes: set[str], status: int
):
    async with program(application, factory.issue(alice, "key", frozenset(scopes))) as script:
        assert (await script.get(ACCOUNT)).status_code == status
        assert (await script.patch(ACCOUNT, json={})).status_code == 403


@pytest.mark.parametrize(
    ("change", "field", "now"),
    [
        ({"username": "Alice.Liddell"}, "username", "Alice.Liddell"),
        ({"email": "alice@Wonder.land"}, "email", "alice@wonder.land"),
        ({"email": ""}, "email", ""),
    ],
)
async def test_name_and_address_change_with_the_password(
    hers: httpx.AsyncClient, application: Application, change: dict[str, str], field: str, now: str
):
    for password in ({}, {"current_password": None}):
        refused = await hers.patch(ACCOUNT, json=change | password)
        assert refused.json() == {"code": "invalid_fields", "detail": "current_password: This field is required."}
    wrong = await hers.patch(ACCOUNT, json=change | {"current_password": OTHER})
    assert (wrong.status_code, wrong.json()["detail"]) == (400, "current_password: Invalid password.")
    reply = await hers.patch(ACCOUNT, json=change | {"current_password": PASSWORD})
    assert (reply.status_code, reply.json()[field]) == (200, now)
    assert (await hers.get(ACCOUNT)).json() == reply.json()
    assert (await hers.get("/api/v1/session")).json()["user"][field] == now
    assert events(application)[0] == "user.profile_changed"


async def test_nothing_changed_needs_no_password(hers: httpx.AsyncClient, application: Application):
    before = events(application)
    assert (await hers.patch(ACCOUNT, json={})).status_code == 200
    assert (await hers.patch(ACCOUNT, json={"username": None, "email": None})).status_code == 200
    assert events(application) == before


async def test_who_has_no_password_needs_none(application: Application, factory: UserFactory):
    async with browser(application, factory.issue(factory.add("carol", password=None))) as carols:
        assert (await carols.patch(ACCOUNT, json={"username": "caro"})).json()["username"] == "caro"
        assert not (await carols.get(ACCOUNT)).json()["has_password"]
        changed = await carols.post(f"{ACCOUNT}/password", json={"new_password": PASSWORD})
        assert changed.status_code == 204
        assert (await carols.get(ACCOUNT)).json()["has_password"]
        assert (await carols.patch(ACCOUNT, json={"username": "carol"})).status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"username": ""},
        {"username": "a b"},
        {"username": "x" * 151},
        {"username": "nul\0"},
        {"username": "BOB"},
        {"email": "nowhere"},
        {"email": "x" * 250 + "@example.org"},
        {"email": "line\nbreak@example.org"},
    ],
)
async def test_a_name_or_address_that_will_not_do(
    hers: httpx.AsyncClient, factory: UserFactory, change: dict[str, str]
):
    factory.add("bob")
    reply = await hers.patch(ACCOUNT, json=change | {"current_password": PASSWORD})
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_fields")
    assert reply.json()["detail"].startswith(f"{next(iter(change))}: ")
    assert (await hers.get(ACCOUNT)).json()["username"] == "alice"


@pytest.mark.parametrize("body", [[], "x", None, {"role": "admin"}, {"username": 7}, {"email": ["a@b.c"]}, {"id": 1}])
async def test_a_body_that_is_no_change(hers: httpx.AsyncClient, body: Any):
    assert (await hers.patch(ACCOUNT, json=body)).status_code == 422
    assert (await hers.get(ACCOUNT)).json()["role"] == "user"


async def test_a_new_password_signs_out_everywhere_else(
    hers: httpx.AsyncClient, visitor: httpx.AsyncClient, application: Application, factory: UserFactory, alice: int
):
    phone, token, key = (factory.issue(alice, kind) for kind in ("session", "token", "key"))
    async with browser(application, phone) as on_the_phone:
        assert (await on_the_phone.get(ACCOUNT)).status_code == 200
        change = {"current_password": PASSWORD, "new_password": OTHER}
        assert (await hers.post(f"{ACCOUNT}/password", json=change)).status_code == 204
        assert (await on_the_phone.get(ACCOUNT)).status_code == 401
    assert factory.principal(token) is None
    assert factory.principal(key)
    assert (await hers.get(ACCOUNT)).status_code == 200
    for password, status in ((PASSWORD, 400), (OTHER, 201)):
        reply = await visitor.post("/api/v1/session", json={"username": "alice", "password": password})
        assert reply.status_code == status
    assert "user.password_changed" in events(application)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"new_password": OTHER}, "current_password: This field is required."),
        ({"current_password": OTHER, "new_password": OTHER}, "current_password: Invalid password."),
        ({"current_password": PASSWORD, "new_password": "short"}, "new_password: This password is too short."),
        ({"current_password": PASSWORD, "new_password": "x" * 200}, "new_password: Ensure this field has no more"),
        ({"current_password": PASSWORD, "new_password": "alice alice alice"}, "new_password: "),
    ],
)
async def test_a_password_that_will_not_do(
    hers: httpx.AsyncClient, visitor: httpx.AsyncClient, change: dict[str, str], told: str
):
    reply = await hers.post(f"{ACCOUNT}/password", json=change)
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_fields")
    assert reply.json()["detail"].startswith(told)
    signed_in = await visitor.post("/api/v1/session", json={"username": "alice", "password": PASSWORD})
    assert signed_in.status_code == 201


async def test_guessing_the_password_of_an_open_session_is_slowed_down(hers: httpx.AsyncClient):
    guess = {"current_password": "x" * 15, "new_password": OTHER}
    guesses = [await hers.post(f"{ACCOUNT}/password", json=guess) for _ in range(6)]
    assert guesses[-1].status_code == 429


async def test_leaving_takes_everything_along(
    hers: httpx.AsyncClient, visitor: httpx.AsyncClient, application: Application, factory: UserFactory, alice: int
):
    secrets = [factory.issue(alice, kind) for kind in ("session", "token", "key")]
    assert (await hers.request("DELETE", ACCOUNT, json={})).status_code == 400
    assert (await hers.request("DELETE", ACCOUNT, json={"current_password": OTHER})).status_code == 400
    assert all(factory.principal(secret) for secret in secrets)
    erased: list[int] = []
    application.auth.erase = erased.append
    reply = await hers.request("DELETE", ACCOUNT, json={"current_password": PASSWORD})
    assert (reply.status_code, reply.content) == (204, b"")
    assert "Max-Age=0" in reply.headers["set-cookie"]
    assert erased == [alice]
    assert not any(factory.principal(secret) for secret in secrets)
    assert (await hers.get(ACCOUNT)).status_code == 401
    signed_in = await visitor.post("/api/v1/session", json={"username": "alice", "password": PASSWORD})
    assert signed_in.status_code == 400


async def test_who_has_no_password_leaves_without(application: Application, factory: UserFactory):
    async with browser(application, factory.issue(factory.add("carol", password=None))) as carols:
        assert (await carols.request("DELETE", ACCOUNT, json={})).status_code == 204
    assert application.auth.accounts.find("carol") == []


async def test_an_account_gone_elsewhere_a_moment_ago(hers: httpx.AsyncClient, application: Application, alice: int):
    """This replica still remembers who it was."""
    assert (await hers.get(ACCOUNT)).status_code == 200
    application.auth.accounts.delete(alice, actor_id=0, source=RequestSource())
    assert (await hers.get(ACCOUNT)).status_code == 401
    assert (await hers.patch(ACCOUNT, json={"username": "x"})).status_code == 401
    assert (await hers.post(f"{ACCOUNT}/password", json={"new_password": OTHER})).status_code == 404


async def test_an_identity_is_unlinked(hers: httpx.AsyncClient, engine: Engine, application: Application, alice: int):
    link(engine, alice)
    [identity] = (await hers.get(ACCOUNT)).json()["identities"]
    path = f"{ACCOUNT}/identities/{identity['id']}"
    assert (await hers.delete(path)).status_code == 204
    assert (await hers.get(ACCOUNT)).json()["identities"] == []
    assert (await hers.delete(path)).status_code == 404
    assert events(application)[0] == "identity.unlinked"


async def test_nobody_unlinks_anothers_identity_or_their_only_way_in(
    hers: httpx.AsyncClient, engine: Engine, application: Application, factory: UserFactory
):
    carol = factory.add("carol", password=None)
    link(engine, carol)
    [identity] = application.auth.identities.list(carol)
    path = f"{ACCOUNT}/identities/{identity.id}"
    assert (await hers.delete(path)).status_code == 404
    async with browser(application, factory.issue(carol)) as carols:
        assert (await carols.delete(path)).status_code == 403
    assert application.auth.identities.list(carol) == [identity]
