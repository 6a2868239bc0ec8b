"""API keys: made with a part of one's own rights, told once, ended at once."""

import json
from typing import Any

import httpx
import pytest

from auth.credentials.api_keys import MAX_API_KEYS
from auth.credentials.lifetimes import DAY
from tests.auth.application import Application
from tests.auth.routes.browser import program
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

KEYS = "/api/v1/account/keys"
NEW = {"name": "Nightly import", "scopes": ["history:read", "classify"], "expires_in_days": 90}


async def test_a_key_is_told_once_and_lets_in(hers: httpx.AsyncClient, client: httpx.AsyncClient):
    created = await hers.post(KEYS, json=NEW)
    assert created.status_code == 201
    body = created.json()
    key = body.pop("key")
    assert key.startswith("rlk_")
    assert body == {
        "id": body["id"],
        "name": "Nightly import",
        "hint": key[:10],
        "scopes": ["classify", "history:read"],
        "created_at": "2027-01-15T08:00:00Z",
        "seen_at": "2027-01-15T08:00:00Z",
        "expires_at": "2027-04-15T08:00:00Z",
    }
    listed = await hers.get(KEYS)
    assert listed.json() == {"items": [body]}
    assert key[10:] not in listed.text
    state = await client.get("/api/v1/session", headers={"Authorization": f"Bearer {key}"})
    assert state.json()["scopes"] == ["classify", "history:read"]


async def test_a_key_without_an_end(hers: httpx.AsyncClient, clock: MovableClock, client: httpx.AsyncClient):
    key = (await hers.post(KEYS, json=NEW | {"expires_in_days": None})).json()
    assert key["expires_at"] is None
    clock.forward(5000 * DAY)
    state = await client.get("/api/v1/session", headers={"Authorization": f"Token {key['key']}"})
    assert state.status_code == 200


async def test_an_ended_key_is_refused_at_once(hers: httpx.AsyncClient, client: httpx.AsyncClient):
    key = (await hers.post(KEYS, json=NEW)).json()
    authorization = {"Authorization": f"Bearer {key['key']}"}
    assert (await client.get("/api/v1/session", headers=authorization)).status_code == 200
    assert (await hers.delete(f"{KEYS}/{key['id']}")).status_code == 204
    assert (await client.get("/api/v1/session", headers=authorization)).status_code == 401
    assert (await hers.get(KEYS)).json() == {"items": []}
    assert (await hers.delete(f"{KEYS}/{key['id']}")).status_code == 404


async def test_both_are_in_the_log_without_the_secret(hers: httpx.AsyncClient, application: Application):
    key = (await hers.post(KEYS, json=NEW)).json()
    await hers.delete(f"{KEYS}/{key['id']}")
    ended, created = application.auth.audit.entries()
    assert (created.event, created.detail["id"], created.detail["name"]) == ("key.created", key["id"], NEW["name"])
    assert (ended.event, ended.detail) == ("credential.revoked", {"kind": "key", "id": key["id"]})
    assert key["key"][:10] not in repr([created, ended])


async def test_another_users_key_is_not_there(hers: httpx.AsyncClient, factory: UserFactory):
    secret = factory.issue(factory.add("bob"), "key")
    assert (await hers.delete(f"{KEYS}/{factory.credential_id(secret)}")).status_code == 404
    assert factory.principal(secret)


async def test_a_session_does_not_end_as_a_key(hers: httpx.AsyncClient, factory: UserFactory, alice: int):
    [session] = factory.credentials.list(alice, ["session"])
    assert (await hers.delete(f"{KEYS}/{session.id}")).status_code == 404
    assert (await hers.get(KEYS)).status_code == 200


async def test_only_an_admin_makes_a_key_for_administration(hers: httpx.AsyncClient, admins: httpx.AsyncClient):
    wanted = NEW | {"scopes": ["admin"]}
    refused = await hers.post(KEYS, json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_fields")
    assert "admin" not in refused.json()["detail"]
    assert (await admins.post(KEYS, json=wanted)).status_code == 201


async def test_no_more_keys_than_anybody_needs(hers: httpx.AsyncClient, factory: UserFactory, alice: int):
    for _ in range(MAX_API_KEYS - 1):
        factory.issue(alice, "key")
    assert (await hers.post(KEYS, json=NEW)).status_code == 201
    refused = await hers.post(KEYS, json=NEW)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


async def test_a_key_makes_no_keys(application: Application, factory: UserFactory, alice: int):
    """Or one that leaked would go on after it is ended."""
    key = factory.issue(alice, "key", frozenset({"classify", "history:read", "profile"}))
    async with program(application, key) as leaked:
        assert (await leaked.post(KEYS, json=NEW)).status_code == 403
        assert (await leaked.get(KEYS)).status_code == 403


BAD = [
    pytest.param({"name": ""}, 400, id="no name"),
    pytest.param({"name": "  "}, 400, id="space"),
    pytest.param({"name": "x" * 101}, 400, id="long name"),
    pytest.param({"name": "line\nbreak"}, 400, id="line break"),
    pytest.param({"name": "nul\0"}, 400, id="nul"),
    pytest.param({"name": "\ud800"}, 400, id="half a character"),
    pytest.param({"name": 7}, 422, id="name is a number"),
    pytest.param({"name": None}, 422, id="name is null"),
    pytest.param({"scopes": []}, 400, id="no scope"),
    pytest.param({"scopes": ["openid"]}, 400, id="openid"),
    pytest.param({"scopes": ["everything"]}, 422, id="unknown scope"),
    pytest.param({"scopes": "classify"}, 422, id="scopes are text"),
    pytest.param({"expires_in_days": 0}, 422, id="no days"),
    pytest.param({"expires_in_days": -1}, 422, id="negative"),
    pytest.param({"expires_in_days": 3651}, 422, id="too long"),
    pytest.param({"expires_in_days": 10**400}, 422, id="huge"),
    pytest.param({"expires_in_days": 1.5}, 422, id="fraction"),
    pytest.param({"expires_in_days": "soon"}, 422, id="text"),
    pytest.param({"scope": "classify"}, 422, id="unknown field"),
]


@pytest.mark.parametrize(("wrong", "status"), BAD)
async def test_what_is_no_key(
    hers: httpx.AsyncClient, factory: UserFactory, alice: int, wrong: dict[str, Any], status: int
):
    body = json.dumps(NEW | wrong)  # httpx itself would refuse half a character
    reply = await hers.post(KEYS, content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == status
    assert factory.credentials.list(alice, ["key"]) == []


@pytest.mark.parametrize("missing", NEW)
async def test_nothing_is_assumed(hers: httpx.AsyncClient, missing: str):
    reply = await hers.post(KEYS, json={name: value for name, value in NEW.items() if name != missing})
    assert reply.status_code == 422


@pytest.mark.parametrize("name", ["Küche 🐕", "x" * 100, " trimmed "])
async def test_any_printable_name_will_do(hers: httpx.AsyncClient, name: str):
    assert (await hers.post(KEYS, json=NEW | {"name": name})).json()["name"] == name.strip()
