"""OAuth clients, as administrators register them."""

import json
from typing import Any

from httpx import AsyncClient

from tests.auth.application import Application
from tests.auth.routes.browser import api_client
from tests.auth.user_factory import UserFactory

CLIENTS = "/api/v1/admin/clients"
ALBUM_URL = f"{CLIENTS}/photo-album"
NEW: dict[str, Any] = {
    "id": "photo-album",
    "name": "Photo album",
    "uri": "https://album.example.org",
    "redirect_uris": ["https://album.example.org/callback"],
    "scopes": ["history:read", "classify"],
    "grants": ["refresh_token", "authorization_code"],
    "public": False,
    "trusted": False,
}
ALBUM = NEW | {
    "scopes": ["classify", "history:read"],
    "grants": ["authorization_code", "refresh_token"],
    "disabled": False,
    "created_at": "2027-01-15T08:00:00Z",
}


async def test_a_client_is_created_changed_and_deleted(admin_client: AsyncClient, application: Application):
    created = await admin_client.post(CLIENTS, json=NEW)
    secret = created.json()["client_secret"]
    assert created.status_code == 201
    assert secret.startswith("rlx_")
    assert created.json() == ALBUM | {"client_secret": secret}
    assert (await admin_client.get(ALBUM_URL)).json() == ALBUM
    listed = await admin_client.get(CLIENTS)
    assert ALBUM in listed.json()["items"]
    assert secret not in listed.text
    changed = await admin_client.patch(ALBUM_URL, json={"name": "Album", "disabled": True})
    assert changed.json() == ALBUM | {"name": "Album", "disabled": True}
    assert (await admin_client.get(ALBUM_URL)).json() == changed.json()
    assert (await admin_client.delete(ALBUM_URL)).status_code == 204
    for method in ("GET", "DELETE"):
        assert (await admin_client.request(method, ALBUM_URL)).status_code == 404
    events = [(entry.event, entry.client_id) for entry in application.auth.audit.entries()]
    assert events == [(f"client.{what}", "photo-album") for what in ("deleted", "changed", "created")]
    assert secret not in repr(application.auth.audit.entries())


async def test_a_new_secret_replaces_the_old_one(admin_client: AsyncClient, application: Application):
    old = (await admin_client.post(CLIENTS, json=NEW)).json()["client_secret"]
    reply = await admin_client.post(f"{CLIENTS}/photo-album/secret")
    new = reply.json()["client_secret"]
    assert reply.status_code == 200
    assert application.auth.clients.authenticate("photo-album", new)
    assert application.auth.clients.authenticate("photo-album", old) is None


async def test_a_public_client_has_no_secret(admin_client: AsyncClient):
    created = await admin_client.post(CLIENTS, json=NEW | {"public": True})
    assert (created.status_code, created.json()["client_secret"]) == (201, None)
    assert (await admin_client.post(f"{CLIENTS}/photo-album/secret")).status_code == 403


async def test_an_id_is_generated_if_none_is_given(admin_client: AsyncClient):
    for wish in ({}, {"id": None}):
        body = {name: value for name, value in NEW.items() if name != "id"} | wish
        created = (await admin_client.post(CLIENTS, json=body)).json()
        assert (await admin_client.get(f"{CLIENTS}/{created['id']}")).status_code == 200
    assert (await admin_client.post(CLIENTS, json=NEW)).status_code == 201
    again = await admin_client.post(CLIENTS, json=NEW)
    assert (again.status_code, again.json()["code"]) == (400, "invalid_fields")


async def test_the_command_line_client_cannot_be_deleted(admin_client: AsyncClient):
    assert [item["id"] for item in (await admin_client.get(CLIENTS)).json()["items"]] == ["raylens-cli"]
    assert (await admin_client.delete(f"{CLIENTS}/raylens-cli")).status_code == 403
    disabled = await admin_client.patch(f"{CLIENTS}/raylens-cli", json={"disabled": True})
    assert disabled.json()["disabled"]


async def test_redirect_uris_are_validated(admin_client: AsyncClient):
    assert (await admin_client.post(CLIENTS, json=NEW)).status_code == 201
    for uri in ("http://album.example.org/callback", "javascript:alert(1)", "https://album.example.org/\ud800"):
        for method, url, body in (("PATCH", ALBUM_URL, {}), ("POST", CLIENTS, NEW | {"id": "other"})):
            content = json.dumps(body | {"redirect_uris": [uri]})  # httpx's own encoder rejects lone surrogates
            headers = {"Content-Type": "application/json"}
            reply = await admin_client.request(method, url, content=content, headers=headers)
            assert (reply.status_code, reply.json()["code"]) == (400, "invalid_fields"), ascii(uri)
    assert (await admin_client.get(ALBUM_URL)).json() == ALBUM


INVALID: list[tuple[dict[str, Any], int]] = [
    ({"id": "x"}, 400),
    ({"id": 7}, 422),
    ({"name": ""}, 400),
    ({"name": None}, 422),
    ({"uri": "x" * 501}, 400),
    ({"redirect_uris": []}, 400),
    ({"redirect_uris": "https://album.example.org/"}, 422),
    ({"scopes": ["everything"]}, 422),
    ({"grants": ["password"]}, 422),
    ({"grants": ["client_credentials"], "public": True}, 400),
    ({"public": None}, 422),
    ({"secret": "mine"}, 422),
    ({"created_at": 0}, 422),
]


async def test_invalid_registrations_are_rejected(admin_client: AsyncClient):
    for wrong, status in INVALID:
        assert (await admin_client.post(CLIENTS, json=NEW | wrong)).status_code == status, wrong
    for missing in ("name", "scopes", "grants", "public"):
        body = {name: value for name, value in NEW.items() if name != missing}
        assert (await admin_client.post(CLIENTS, json=body)).status_code == 422, missing
    assert len((await admin_client.get(CLIENTS)).json()["items"]) == 1


async def test_some_fields_do_not_change(admin_client: AsyncClient):
    await admin_client.post(CLIENTS, json=NEW)
    changes: list[Any] = [{"id": "x"}, {"public": True}, {"client_secret": "x"}, {"disabled": "maybe"}, []]
    for change in changes:
        assert (await admin_client.patch(ALBUM_URL, json=change)).status_code == 422, change
    assert (await admin_client.get(ALBUM_URL)).json() == ALBUM


async def test_unknown_ids_are_not_found(admin_client: AsyncClient):
    await admin_client.post(CLIENTS, json=NEW)
    for id_ in ("nobody", "photo-album%20", "PHOTO-ALBUM", "x" * 65, "%00", "%F0%9F%90%95", "é", "1"):
        for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/secret")):
            body = {"name": "x"} if method == "PATCH" else None
            reply = await admin_client.request(method, f"{CLIENTS}/{id_}{path}", json=body)
            assert reply.status_code in {404, 422}, (method, id_)


async def test_only_admins_manage_clients(application: Application, factory: UserFactory, root: int, alice: int):
    for user_id, status in ((alice, 403), (root, 200)):
        async with api_client(application, factory.issue(user_id, "token")) as script:
            assert (await script.get(CLIENTS)).status_code == status
