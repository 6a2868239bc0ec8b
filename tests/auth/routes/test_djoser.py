"""The Djoser-compatible API, where Djoser itself cannot be compared; tests/auth/reference has the rest."""

import pytest
from httpx import AsyncClient
from sqlalchemy import Engine, select

from auth.credentials.lifetimes import DAY, MINUTE
from auth.errors import Busy
from auth.tables import credentials
from serve_app.database.engine import connect
from tests.auth.application import PASSWORD, PASSWORD_HASH, create
from tests.auth.routes.browser import api_client, browser
from tests.auth.user_factory import UserFactory

BOB = {"username": "bob", "password": PASSWORD}
ALICE = {"username": "alice", "password": PASSWORD}
PATHS = [
    *(("POST", "/auth/users/"), ("GET", "/auth/users/"), ("GET", "/auth/users/me/"), ("PATCH", "/auth/users/me/")),
    *(("DELETE", "/auth/users/me/"), ("POST", "/auth/users/set_password/"), ("POST", "/auth/password/")),
    *(("POST", "/auth/token/login/"), ("POST", "/auth/token/logout/")),
]


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add("alice", password=PASSWORD_HASH)


def token(secret: str) -> dict[str, str]:
    return {"authorization": f"Token {secret}"}


async def test_every_path_exists_under_api_and_without_its_slash(client: AsyncClient):
    for method, path in PATHS:
        urls = (path, path[:-1], f"/api{path}", f"/api{path[:-1]}")
        replies = [await client.request(method, url, json={}) for url in urls]
        assert replies[0].status_code in {400, 401}
        assert {(reply.status_code, reply.text) for reply in replies} == {(replies[0].status_code, replies[0].text)}


async def test_a_token_is_stored_as_a_digest_and_expires_if_unused(application, client, database: Engine, alice):
    secret = (await client.post("/auth/token/login/", json=ALICE)).json()["auth_token"]
    assert secret.startswith("rlt_")
    with database.connect() as connection:
        assert secret.encode() not in repr(connection.execute(select(credentials)).all()).encode()
    for _ in range(3):
        application.clock.forward(30 * DAY - MINUTE)
        assert (await client.get("/auth/users/me/", headers=token(secret))).status_code == 200
    application.clock.forward(30 * DAY)
    assert (await client.get("/auth/users/me/", headers=token(secret))).status_code == 401


async def test_responses_with_secrets_or_personal_data_are_not_cached(client, factory, alice):
    headers = token(factory.issue(alice, "token"))
    login = await client.post("/auth/token/login/", json=ALICE)
    me = await client.get("/auth/users/me/", headers=headers)
    assert [reply.headers["cache-control"] for reply in (login, me)] == ["no-store"] * 2


async def test_closed_registration(database):
    async with create(database, registration=False).client() as client:
        for body in (BOB, {}):
            reply = await client.post("/auth/users/", json=body)
            assert reply.status_code == 403
            assert reply.json() == {"detail": "Registration is disabled; ask an administrator for an account."}


async def test_the_minimum_password_length_is_a_setting(database):
    async with create(database, password_min_length=20).client() as client:
        reply = await client.post("/auth/users/", json=BOB | {"password": "nineteen characters"})
    assert reply.json() == {"password": ["This password is too short. It must contain at least 20 characters."]}


async def test_password_guesses_are_throttled(application, client, alice):
    replies = [await client.post("/auth/token/login/", json=ALICE | {"password": "wrong"}) for _ in range(20)]
    assert [reply.status_code for reply in replies] == [400] * 5 + [429] * 15
    assert {reply.headers.get("retry-after") for reply in replies} == {None, "1"}
    assert (await client.post("/auth/token/login/", json=ALICE)).status_code == 429, "the right one is not looked at"
    application.clock.forward(1)
    await client.post("/auth/token/login/", json=ALICE | {"password": "wrong"})
    refused = await client.post("/auth/token/login/", json=ALICE | {"password": "also wrong"})
    assert refused.headers["retry-after"] == "2"
    assert refused.json() == {"detail": "Request was throttled. Expected available in 2 seconds."}
    async with application.client(address="198.51.100.9") as elsewhere:
        assert (await elsewhere.post("/auth/token/login/", json=ALICE)).status_code == 200
    assert (await client.post("/auth/token/login/", json=ALICE)).status_code == 200, "after the announced wait"


async def test_without_a_database_the_status_is_503():
    engine = connect("mysql+pymysql://nobody:nothing@127.0.0.1:1/none")
    async with create(engine).client() as client:
        for reply in (
            await client.post("/auth/token/login/", json=ALICE),
            await client.post("/auth/users/", json=BOB),
            await client.get("/auth/users/me/", headers=token("rlt_" + "x" * 43)),
        ):
            assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
            assert reply.json() == {"detail": "Service temporarily unavailable, try again later."}
    engine.dispose()


async def test_too_many_concurrent_sign_ins(application, client, monkeypatch):
    async def refuse(*_arguments, **_options):
        raise Busy("Too many people are signing in just now; try again in a moment.")

    monkeypatch.setattr(application.auth.workers, "run_hashing", refuse)
    reply = await client.post("/auth/token/login/", json=ALICE)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    assert reply.json() == {"detail": "Too many people are signing in just now; try again in a moment."}


async def test_only_admins_list_all_users(client, factory, alice, root):
    for user_id, names in ((alice, ["alice"]), (root, ["alice", "root"])):
        reply = await client.get("/auth/users/", headers=token(factory.issue(user_id, "token")))
        assert [user["username"] for user in reply.json()] == names


async def test_an_admin_sees_more_users_than_fit_a_page(client, factory, root, monkeypatch):
    monkeypatch.setattr("auth.routes.djoser._PAGE_SIZE", 2)
    for number in range(4):
        factory.add(f"user{number}")
    reply = await client.get("/auth/users/", headers=token(factory.issue(root, "token")))
    assert [user["username"] for user in reply.json()] == ["root", "user0", "user1", "user2", "user3"]


async def test_an_api_key_is_rejected(application, factory, alice):
    async with api_client(application, factory.issue(alice, "key", frozenset({"profile", "admin"}))) as client:
        for method, path in PATHS:
            if (method, path) not in {("POST", "/auth/users/"), ("POST", "/auth/token/login/")}:
                reply = await client.request(method, path, json={})
                assert (reply.status_code, list(reply.json())) == (403, ["detail"]), (method, path)


async def test_a_session_of_the_web_app_is_accepted(application, factory, alice):
    secret = factory.issue(alice)
    async with browser(application, secret) as client:
        assert (await client.get("/auth/users/me/")).json()["username"] == "alice"
        assert (await client.patch("/auth/users/me/", json={"email": "a@x.org"})).status_code == 200
    async with application.client(cookies={application.auth.cookie.name: secret}) as another_site:
        reply = await another_site.patch("/auth/users/me/", json={"email": "b@x.org"})
    assert (reply.status_code, list(reply.json())) == (403, ["detail"])


async def test_deletion_erases_other_data_of_the_user(application, client, factory, alice):
    erased: list[int] = []
    application.auth.erase = erased.append
    headers = token(factory.issue(alice, "token"))
    body = {"current_password": PASSWORD}
    assert (await client.request("DELETE", "/auth/users/me/", json=body, headers=headers)).status_code == 204
    assert erased == [alice]


async def test_a_form_with_too_many_fields_is_refused(client):
    body = {f"field{number}": "" for number in range(101)}
    for options in ({"data": body}, {"files": dict.fromkeys(body, (None, ""))}):
        reply = await client.post("/auth/users/", **options)
        assert (reply.status_code, list(reply.json())) == (400, ["detail"])


async def test_a_405_lists_the_allowed_methods(client, factory, alice):
    headers = token(factory.issue(alice, "token"))
    for method, path, allowed in (
        ("PUT", "/auth/users/", "GET, HEAD, POST, OPTIONS"),
        ("PUT", "/auth/users", "GET, HEAD, POST, OPTIONS"),
        ("POST", "/auth/users/me/", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        ("HEAD", "/api/auth/password/", "POST, OPTIONS"),
        ("BREW", "/api/auth/token/login", "POST, OPTIONS"),
    ):
        reply = await client.request(method, path, headers=headers)
        assert (reply.status_code, reply.headers["allow"]) == (405, allowed)
