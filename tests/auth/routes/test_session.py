"""The sign-in of the web app: session state, signing in and out, protection against other sites."""

from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import Engine

from auth.audit import RequestSource
from auth.external.providers import Provider
from tests.auth.application import PASSWORD, PASSWORD_HASH, Application, create
from tests.auth.routes.browser import OWN, api_client, browser
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

SESSION = "/api/v1/session"
CREDENTIALS = {"username": "alice", "password": PASSWORD}
ANONYMOUS: dict[str, Any] = {
    "user": None,
    "scopes": [],
    "registration": True,
    "anonymous": True,
    "password_min_length": 15,
    "providers": [],
}


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add("alice", password=PASSWORD_HASH)


async def test_the_state_of_an_anonymous_client(anonymous_client: AsyncClient):
    reply = await anonymous_client.get(SESSION)
    assert (reply.status_code, reply.json()) == (200, ANONYMOUS)
    assert reply.headers["cache-control"] == "no-store"
    assert "set-cookie" not in reply.headers


async def test_signing_in_and_out(anonymous_client: AsyncClient, alice: int):
    signed_in = await anonymous_client.post(SESSION, json=CREDENTIALS)
    assert signed_in.status_code == 201
    assert signed_in.json() == ANONYMOUS | {
        "user": {
            "id": alice,
            "username": "alice",
            "email": "alice@example.org",
            "role": "user",
            "created_at": "2027-01-15T08:00:00Z",
            "has_password": True,
        },
        "scopes": ["classify", "history:read", "history:write", "openid", "profile"],
    }
    assert signed_in.headers["cache-control"] == "no-store"
    assert (await anonymous_client.get(SESSION)).json() == signed_in.json()
    signed_out = await anonymous_client.delete(SESSION)
    assert (signed_out.status_code, signed_out.content) == (204, b"")
    assert (await anonymous_client.get(SESSION)).json() == ANONYMOUS


async def test_only_the_cookie_has_the_secret(anonymous_client: AsyncClient, alice: int):
    reply = await anonymous_client.post(SESSION, json=CREDENTIALS)
    secret = reply.cookies["raylens_session"]
    assert secret.startswith("rls_")
    device = reply.cookies["raylens_browser"]
    assert reply.headers.get_list("set-cookie") == [
        f"raylens_session={secret}; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax",
        f"raylens_browser={device}; HttpOnly; Max-Age=7776000; Path=/; SameSite=lax",
    ]
    assert secret not in reply.text


async def test_on_https_the_cookie_has_the_host_prefix(database: Engine, clock: MovableClock):
    application = create(database, clock, public_url="https://raylens.example.org", public_url_is_given=True)
    application.auth.accounts.register("alice", PASSWORD, source=RequestSource())
    async with application.client(headers=OWN | {"Origin": "https://raylens.example.org"}) as https:
        reply = await https.post(SESSION, json=CREDENTIALS)
        session, device = reply.headers.get_list("set-cookie")
        assert session.startswith("__Host-raylens_session=rls_")
        assert device.startswith("__Host-raylens_browser=rlb_")
        assert all(cookie.endswith("; SameSite=lax; Secure") for cookie in (session, device))
        assert (await https.get(SESSION)).json()["user"]["username"] == "alice"


async def test_a_copied_cookie_is_invalid_after_signing_out(
    anonymous_client: AsyncClient, application: Application, alice: int
):
    secret = (await anonymous_client.post(SESSION, json=CREDENTIALS)).cookies["raylens_session"]
    async with browser(application, secret) as thief:
        assert (await thief.get(SESSION)).json()["user"]
        reply = await anonymous_client.delete(SESSION)
        assert "Max-Age=0" in reply.headers["set-cookie"]
        assert (await thief.get(SESSION)).json()["user"] is None


async def test_signing_out_again_has_no_effect(application: Application):
    for secret in (None, "rls_" + "x" * 43, "garbage"):
        async with browser(application, secret) as client:
            for _ in range(2):
                assert (await client.delete(SESSION)).status_code == 204
    assert application.auth.audit.entries() == []


async def test_signing_in_ends_the_previous_session(
    anonymous_client: AsyncClient, application: Application, factory: UserFactory, alice: int
):
    planted = factory.issue(factory.add("mallory"))
    async with browser(application, planted) as victim:
        secret = (await victim.post(SESSION, json=CREDENTIALS)).cookies["raylens_session"]
    assert secret != planted
    assert factory.principal(planted) is None
    assert factory.principal(secret)


async def test_a_failed_sign_in_keeps_the_session(alice_client: AsyncClient):
    assert (await alice_client.post(SESSION, json=CREDENTIALS | {"password": "x"})).status_code == 400
    assert (await alice_client.get(SESSION)).json()["user"]


async def test_wrong_credentials_are_all_rejected_alike(anonymous_client: AsyncClient, alice: int):
    wrong = [{"password": PASSWORD + "x"}, {"username": "bob"}, {"password": ""}, {"username": ""}, {"username": "\0"}]
    for change in wrong:
        reply = await anonymous_client.post(SESSION, json=CREDENTIALS | change)
        assert reply.status_code == 400, change
        assert reply.json() == {"code": "invalid_login", "detail": "Unable to log in with provided credentials."}
        assert "set-cookie" not in reply.headers


async def test_guesses_are_throttled(anonymous_client: AsyncClient, alice: int):
    guesses = [await anonymous_client.post(SESSION, json=CREDENTIALS | {"password": "x" * 15}) for _ in range(6)]
    assert guesses[-1].status_code == 429
    assert int(guesses[-1].headers["retry-after"]) >= 1


async def test_other_sites_cannot_sign_in_or_out(application: Application, factory: UserFactory, alice: int):
    secret = factory.issue(alice)
    for headers in (
        {"X-Requested-With": "raylens"},
        {"Origin": "http://localhost:8000"},
        {"Origin": "https://evil.example", "X-Requested-With": "raylens"},
        {"Origin": "null", "X-Requested-With": "raylens"},
    ):
        async with application.client(headers=headers, cookies={"raylens_session": secret}) as client:
            for method in ("POST", "DELETE"):
                reply = await client.request(method, SESSION, json=CREDENTIALS)
                assert (reply.status_code, reply.json()["code"]) == (403, "cross_site_request"), (method, headers)
                assert "set-cookie" not in reply.headers
    assert factory.principal(secret)
    assert len(factory.credentials.list(alice, ["session"])) == 1


async def test_signing_in_needs_https(database: Engine, clock: MovableClock):
    application = create(database, clock, public_url="http://raylens.example.org", public_url_is_given=True)
    async with application.client(headers=OWN | {"Origin": "http://raylens.example.org"}) as client:
        reply = await client.post(SESSION, json=CREDENTIALS)
    assert (reply.status_code, reply.json()["code"]) == (403, "not_allowed")


async def test_the_state_describes_how_to_sign_in(database: Engine, clock: MovableClock):
    providers = (
        Provider(name="google", title="Google", issuer="https://accounts.google.com", client_id="x", client_secret="s"),
        Provider(name="github", kind="github", client_id="x", client_secret="s"),
    )
    application = create(
        database, clock, providers=providers, registration=False, anonymous=False, password_min_length=8
    )
    async with browser(application) as anonymous_client:
        told = (await anonymous_client.get(SESSION)).json()
    assert told == ANONYMOUS | {
        "registration": False,
        "anonymous": False,
        "password_min_length": 8,
        "providers": [
            {"name": "google", "title": "Google", "login_url": "/auth/external/google/login"},
            {"name": "github", "title": "GitHub", "login_url": "/auth/external/github/login"},
        ],
    }
    assert "client_id" not in str(told)


async def test_an_api_key_reads_the_name_with_the_scope_profile(
    application: Application, factory: UserFactory, alice: int
):
    for scopes, name in (({"profile"}, "alice"), ({"classify"}, None)):
        async with api_client(application, factory.issue(alice, "key", frozenset(scopes))) as client:
            told = (await client.get(SESSION)).json()
        assert told["scopes"] == sorted(scopes)
        assert (told["user"] or {}).get("username") == name
    async with api_client(application, "rlk_unknown") as client:
        assert (await client.get(SESSION)).status_code == 401


async def test_invalid_bodies_are_rejected(anonymous_client: AsyncClient, alice: int):
    bodies: list[Any] = [
        {},
        [],
        None,
        {"username": "alice"},
        {"username": "alice", "password": None},
        {"username": ["alice"], "password": PASSWORD},
        CREDENTIALS | {"next": "/"},
    ]
    for body in bodies:
        assert (await anonymous_client.post(SESSION, json=body)).status_code == 422, body


async def test_unreadable_bodies_are_rejected(anonymous_client: AsyncClient, alice: int):
    async def status(content: bytes, content_type: str = "application/json") -> int:
        return (
            await anonymous_client.post(SESSION, content=content, headers={"Content-Type": content_type})
        ).status_code

    assert await status(b"{") == 422
    assert await status(b"\xff\xfe") in {400, 422}
    assert await status(b"[" * 30_000) in {400, 422}
    assert await status(b'{"username": "\\ud800", "password": "\\ud800"}') == 400
    assert await status(b'{"username": ' + b"9" * 5000 + b', "password": "x"}') in {400, 422}
    assert await status(b"username=alice&password=x", "application/x-www-form-urlencoded") == 422
    assert await status(b'{"username": "' + b"x" * 60_000 + b'", "password": "x"}') == 400
    assert await status(b'{"username": "' + b"x" * 70_000 + b'", "password": "x"}') == 413
