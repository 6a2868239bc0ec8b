"""API keys: created with some of the user's scopes, shown once, revoked at once."""

import json
from typing import Any

from httpx import AsyncClient

from auth.credentials.api_keys import MAX_API_KEYS
from auth.credentials.lifetimes import DAY
from tests.auth.application import Application
from tests.auth.routes.browser import api_client
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

KEYS = "/api/v1/account/keys"
NEW = {"name": "Nightly import", "scopes": ["history:read", "classify"], "expires_in_days": 90}


async def test_a_key_is_shown_once_and_is_accepted(alice_client: AsyncClient, client: AsyncClient):
    created = await alice_client.post(KEYS, json=NEW)
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
    listed = await alice_client.get(KEYS)
    assert listed.json() == {"items": [body]}
    assert key[10:] not in listed.text
    state = await client.get("/api/v1/session", headers={"Authorization": f"Bearer {key}"})
    assert state.json()["scopes"] == ["classify", "history:read"]


async def test_a_key_without_an_expiry(alice_client: AsyncClient, clock: MovableClock, client: AsyncClient):
    key = (await alice_client.post(KEYS, json=NEW | {"expires_in_days": None})).json()
    assert key["expires_at"] is None
    clock.forward(5000 * DAY)
    state = await client.get("/api/v1/session", headers={"Authorization": f"Token {key['key']}"})
    assert state.status_code == 200


async def test_a_revoked_key_is_rejected_at_once(alice_client: AsyncClient, client: AsyncClient):
    key = (await alice_client.post(KEYS, json=NEW)).json()
    authorization = {"Authorization": f"Bearer {key['key']}"}
    assert (await client.get("/api/v1/session", headers=authorization)).status_code == 200
    assert (await alice_client.delete(f"{KEYS}/{key['id']}")).status_code == 204
    assert (await client.get("/api/v1/session", headers=authorization)).status_code == 401
    assert (await alice_client.get(KEYS)).json() == {"items": []}
    assert (await alice_client.delete(f"{KEYS}/{key['id']}")).status_code == 404


async def test_creation_and_revocation_are_logged_without_the_secret(
    alice_client: AsyncClient, application: Application
):
    key = (await alice_client.post(KEYS, json=NEW)).json()
    await alice_client.delete(f"{KEYS}/{key['id']}")
    ended, created = application.auth.audit.entries()
    assert (created.event, created.detail["id"], created.detail["name"]) == ("key.created", key["id"], NEW["name"])
    assert (ended.event, ended.detail) == ("credential.revoked", {"kind": "key", "id": key["id"]})
    assert key["key"][:10] not in repr([created, ended])


async def test_keys_of_others_are_not_found(alice_client: AsyncClient, factory: UserFactory):
    secret = factory.issue(factory.add("bob"), "key")
    assert (await alice_client.delete(f"{KEYS}/{factory.credential_id(secret)}")).status_code == 404
    assert factory.principal(secret)


async def test_a_session_is_not_revoked_as_a_key(alice_client: AsyncClient, factory: UserFactory, alice: int):
    [session] = factory.credentials.list(alice, ["session"])
    assert (await alice_client.delete(f"{KEYS}/{session.id}")).status_code == 404
    assert (await alice_client.get(KEYS)).status_code == 200


async def test_only_admins_create_keys_with_the_scope_admin(alice_client: AsyncClient, admin_client: AsyncClient):
    wanted = NEW | {"scopes": ["admin"]}
    refused = await alice_client.post(KEYS, json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_fields")
    assert "admin" not in refused.json()["detail"]
    assert (await admin_client.post(KEYS, json=wanted)).status_code == 201


async def test_the_number_of_keys_is_limited(alice_client: AsyncClient, factory: UserFactory, alice: int):
    for _ in range(MAX_API_KEYS - 1):
        factory.issue(alice, "key")
    assert (await alice_client.post(KEYS, json=NEW)).status_code == 201
    refused = await alice_client.post(KEYS, json=NEW)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


async def test_a_key_cannot_create_keys(application: Application, factory: UserFactory, alice: int):
    """Or a leaked one could outlive its revocation."""
    key = factory.issue(alice, "key", frozenset({"classify", "history:read", "profile"}))
    async with api_client(application, key) as leaked:
        assert (await leaked.post(KEYS, json=NEW)).status_code == 403
        assert (await leaked.get(KEYS)).status_code == 403


INVALID: list[tuple[dict[str, Any], int]] = [
    ({"name": ""}, 400),
    ({"name": "  "}, 400),
    ({"name": "x" * 101}, 400),
    ({"name": "line\nbreak"}, 400),
    ({"name": "nul\0"}, 400),
    ({"name": "\ud800"}, 400),
    ({"name": 7}, 422),
    ({"name": None}, 422),
    ({"scopes": []}, 400),
    ({"scopes": ["openid"]}, 400),
    ({"scopes": ["everything"]}, 422),
    ({"scopes": "classify"}, 422),
    ({"expires_in_days": 0}, 422),
    ({"expires_in_days": -1}, 422),
    ({"expires_in_days": 3651}, 422),
    ({"expires_in_days": 10**400}, 422),
    ({"expires_in_days": 1.5}, 422),
    ({"expires_in_days": "soon"}, 422),
    ({"scope": "classify"}, 422),
]


async def test_invalid_keys_are_rejected(alice_client: AsyncClient, factory: UserFactory, alice: int):
    for wrong, status in INVALID:
        body = json.dumps(NEW | wrong)  # httpx's own encoder rejects lone surrogates
        reply = await alice_client.post(KEYS, content=body, headers={"Content-Type": "application/json"})
        assert reply.status_code == status, ascii(wrong)
    for missing in NEW:
        body = json.dumps({name: value for name, value in NEW.items() if name != missing})
        reply = await alice_client.post(KEYS, content=body, headers={"Content-Type": "application/json"})
        assert reply.status_code == 422, missing
    assert factory.credentials.list(alice, ["key"]) == []


async def test_any_printable_name_is_valid(alice_client: AsyncClient):
    for name in ("Küche 🐕", "x" * 100, " trimmed "):
        assert (await alice_client.post(KEYS, json=NEW | {"name": name})).json()["name"] == name.strip()
