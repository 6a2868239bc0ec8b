"""Every way to a check of a password is throttled, and the right password gets through a flood of wrong ones."""

import asyncio
from collections.abc import Callable

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import Engine, func, select

from auth.credentials.browsers import MAX_BROWSERS
from auth.database import write
from auth.tables import credentials
from tests.auth.application import PASSWORD, PASSWORD_HASH, Application, create
from tests.auth.databases import both_databases
from tests.auth.routes.browser import OWN, api_client, browser
from tests.auth.user_factory import UserFactory

MAX_WAIT = 30
"""As docs/auth.md states."""
SESSION = "/api/v1/session"
CREDENTIALS = {"username": "alice", "password": PASSWORD}
NEW = "a heron over the wet meadow"


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add("alice", password=PASSWORD_HASH)


async def flood(application: Application, client: AsyncClient, seconds: int, name: Callable[[int], str]) -> list[int]:
    """Ten wrong logins per second, and the statuses of the answers."""
    statuses = []
    for number in range(seconds * 10):
        wrong = {"username": name(number), "password": f"guess {application.clock.now}"}
        statuses.append((await client.post("/auth/token/login/", json=wrong)).status_code)
        application.clock.forward(0.1)
    return statuses


@pytest.mark.parametrize("name", [lambda _: "alice", lambda number: f"user{number}"], ids=["one name", "random names"])
async def test_the_right_password_succeeds_within_the_announced_wait(application, client, alice, name):
    """At the attacker's own address, by the token login, which has no cookie."""
    guesses = await flood(application, client, 20, name)
    first = await client.post("/auth/token/login/", json=CREDENTIALS)
    assert first.status_code == 429
    wait = int(first.headers["retry-after"])
    assert wait <= MAX_WAIT
    guesses += await flood(application, client, wait, name)
    assert (await client.post("/auth/token/login/", json=CREDENTIALS)).status_code == 200
    assert guesses.count(400) <= 31 + 6


async def test_a_known_browser_signs_in_at_once(application, client, alice):
    async with browser(application) as known, browser(application) as other:
        assert (await known.post(SESSION, json=CREDENTIALS)).status_code == 201
        await known.delete(SESSION)
        await flood(application, client, 20, lambda _: "alice")
        assert (await other.post(SESSION, json=CREDENTIALS)).status_code == 429
        assert (await known.post(SESSION, json=CREDENTIALS)).status_code == 201
        known.cookies.delete("raylens_session")
        assert (await known.post("/auth/token/login/", json=CREDENTIALS)).status_code == 200


async def test_a_browser_is_known_for_its_users_only(application, client, factory, alice):
    factory.add("bob", password=PASSWORD_HASH)
    async with browser(application) as shared:
        assert (await shared.post(SESSION, json=CREDENTIALS | {"username": "bob"})).status_code == 201
        first = shared.cookies["raylens_browser"]
        await flood(application, client, 20, lambda _: "alice")
        refused = await shared.post(SESSION, json=CREDENTIALS)
        assert refused.status_code == 429
        application.clock.forward(int(refused.headers["retry-after"]))
        assert (await shared.post(SESSION, json=CREDENTIALS)).status_code == 201
        assert shared.cookies["raylens_browser"] == first
        await flood(application, client, 20, lambda number: ("alice", "bob")[number % 2])
        for name in ("alice", "bob"):
            assert (await shared.post(SESSION, json=CREDENTIALS | {"username": name})).status_code == 201


@both_databases
async def test_known_browsers_are_forgotten(database, application, client, alice):
    """After 90 days, a password change, signing out everywhere else in another browser, and with the account."""

    async def is_known(secret: str) -> bool:
        await flood(application, client, 2, lambda _: "alice")
        async with browser(application) as other:
            other.cookies.set("raylens_browser", secret)
            return (await other.post(SESSION, json=CREDENTIALS)).status_code == 201

    async def sign_in(on: AsyncClient, password: str = PASSWORD) -> str:
        application.clock.forward(60)
        while (reply := await on.post(SESSION, json=CREDENTIALS | {"password": password})).status_code == 429:
            application.clock.forward(int(reply.headers["retry-after"]))
        assert reply.status_code == 201
        return str(on.cookies["raylens_browser"])

    async with browser(application) as first, browser(application) as second:
        secrets = [await sign_in(first), await sign_in(second)]
        assert [await is_known(secret) for secret in secrets] == [True, True]
        assert (await first.delete("/api/v1/account/sessions")).status_code == 204
        assert [await is_known(secret) for secret in secrets] == [True, False]
        application.clock.forward(90 * 86_400)
        assert not await is_known(secrets[0])
        await sign_in(first)
        change = {"current_password": PASSWORD, "new_password": NEW}
        assert (await first.post("/api/v1/account/password", json=change)).status_code == 204
        assert browser_rows(database) == 0
        await sign_in(first, NEW)
        assert browser_rows(database) == 1
        assert (await first.request("DELETE", "/api/v1/account", json={"current_password": NEW})).status_code == 204
        assert browser_rows(database) == 0


async def test_a_user_has_a_limited_number_of_browsers(application, database, alice):
    secrets = []
    for _ in range(MAX_BROWSERS + 3):
        application.clock.forward(1)
        secrets.append(write(database, lambda connection: application.auth.browsers.remember(connection, alice, None)))
    assert browser_rows(database) == MAX_BROWSERS
    with database.connect() as connection:
        found = [application.auth.browsers.find(connection, alice, secret) is not None for secret in secrets]
    assert found == [False] * 3 + [True] * MAX_BROWSERS


@pytest.mark.parametrize("garbage", ["x", "rlb_", "rls_" + "x" * 43, "rlb_" + "x" * 5000])
async def test_a_malformed_browser_cookie_is_replaced(application, alice, garbage):
    async with browser(application) as client:
        reply = await client.post(SESSION, json=CREDENTIALS, headers={"Cookie": f"raylens_browser={garbage}"})
    assert reply.status_code == 201
    assert reply.cookies["raylens_browser"] != garbage


async def test_a_browser_secret_is_no_credential(application, alice):
    async with browser(application) as client:
        secret = (await client.post(SESSION, json=CREDENTIALS)).cookies["raylens_browser"]
    for scheme in ("Bearer", "Token"):
        async with application.client(headers={"Authorization": f"{scheme} {secret}"}) as thief:
            assert (await thief.get("/auth/users/me/")).status_code == 401
    async with application.client(headers=OWN, cookies={"raylens_session": secret}) as thief:
        assert (await thief.get(SESSION)).json()["user"] is None


DOORS = {
    "session": lambda client, password: client.post(SESSION, json=CREDENTIALS | {"password": password}),
    "OAuth page": lambda client, password: client.post(
        "/oauth/sign-in", data={"username": "alice", "password": password}
    ),
    "token": lambda client, password: client.post("/auth/token/login/", json=CREDENTIALS | {"password": password}),
}
CONFIRMATIONS = {
    "set_password": ("POST", "/auth/users/set_password/", {"new_password": NEW}),
    "password": ("POST", "/auth/password/", {"new_password": NEW}),
    "account password": ("POST", "/api/v1/account/password", {"new_password": NEW}),
    "deletion": ("DELETE", "/auth/users/me/", {}),
    "account deletion": ("DELETE", "/api/v1/account", {}),
    "e-mail address": ("PATCH", "/api/v1/account", {"email": "a@example.org"}),
}


async def test_all_sign_ins_share_a_limit(application, alice):
    async with browser(application) as client:
        statuses = [(await door(client, f"x{number}")).status_code for number in range(3) for door in DOORS.values()]
    assert statuses == [400] * 5 + [429] * 4


@pytest.mark.parametrize("door", CONFIRMATIONS)
async def test_a_stolen_session_gets_few_guesses_and_does_not_lock_the_owner_out(application, factory, alice, door):
    """The owner signs in at the same address, and ends the thief's session."""
    method, path, body = CONFIRMATIONS[door]
    async with api_client(application, factory.issue(alice, "token")) as thief, browser(application) as owner:
        statuses = []
        for number in range(300):
            reply = await thief.request(method, path, json=body | {"current_password": f"guess {number}"})
            statuses.append(reply.status_code)
            application.clock.forward(0.2)
        assert statuses.count(400) <= 5 + 6
        assert set(statuses) == {400, 429}
        assert (await owner.post(SESSION, json=CREDENTIALS)).status_code == 201
        change = {"current_password": PASSWORD, "new_password": NEW}
        assert (await owner.post("/api/v1/account/password", json=change)).status_code == 204
        assert (await thief.get("/auth/users/me/")).status_code == 401


@both_databases
async def test_concurrent_guesses_on_two_replicas_get_no_extra_attempts(database, application, alice):
    other = create(database, application.clock)
    async with application.client() as one, other.client() as two:
        guesses = [DOORS["token"](client, f"guess {number}") for number in range(20) for client in (one, two)]
        statuses = [reply.status_code for reply in await asyncio.gather(*guesses)]
    assert statuses.count(400) == 5
    assert statuses.count(429) == 35


async def test_a_sign_in_that_is_not_checked_does_not_count(application, client, alice, monkeypatch):
    """Neither for the wait nor for the reservation."""
    from auth.errors import Busy

    async def refuse(*_arguments: object) -> Response:
        raise Busy("Too many sign-ins are in progress; try again in a moment.")

    with monkeypatch.context() as busy:
        busy.setattr(application.auth.workers, "run_hashing", refuse)
        replies = [await client.post("/auth/token/login/", json=CREDENTIALS) for _ in range(20)]
        assert {reply.status_code for reply in replies} == {503}
    assert (await client.post("/auth/token/login/", json=CREDENTIALS)).status_code == 200


async def test_a_new_user_signs_in_where_others_guess(application, client):
    await flood(application, client, 20, lambda number: f"user{number}")
    new = CREDENTIALS | {"username": "bob"}
    assert (await client.post("/auth/users/", json=new)).status_code == 201
    assert (await client.post("/auth/token/login/", json=new)).status_code == 200


async def test_invalid_registrations_are_limited(client):
    """Each costs an estimate of the password's strength."""
    weak = {"username": "bob", "password": "password"}
    statuses = [(await client.post("/auth/users/", json=weak)).status_code for _ in range(310)]
    assert statuses == [400] * 300 + [429] * 10


def browser_rows(database: Engine) -> int:
    with database.connect() as connection:
        query = select(func.count()).select_from(credentials).where(credentials.c.kind == "browser")
        return connection.scalar(query) or 0
