"""Applications, as administrators register them."""

import json
from typing import Any

import httpx
import pytest

from tests.auth.application import Application
from tests.auth.routes.browser import program
from tests.auth.user_factory import UserFactory

CLIENTS = "/api/v1/admin/clients"
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


async def test_an_application_from_its_registration_to_its_end(admins: httpx.AsyncClient, application: Application):
    created = await admins.post(CLIENTS, json=NEW)
    secret = created.json()["client_secret"]
    assert created.status_code == 201
    assert secret.startswith("rlx_")
    assert created.json() == ALBUM | {"client_secret": secret}
    assert (await admins.get(f"{CLIENTS}/photo-album")).json() == ALBUM
    listed = await admins.get(CLIENTS)
    assert ALBUM in listed.json()["items"]
    assert secret not in listed.text
    changed = await admins.patch(f"{CLIENTS}/photo-album", json={"name": "Album", "disabled": True})
    assert changed.json() == ALBUM | {"name": "Album", "disabled": True}
    assert (await admins.get(f"{CLIENTS}/photo-album")).json() == changed.json()
    assert (await admins.delete(f"{CLIENTS}/photo-album")).status_code == 204
    for method in ("GET", "DELETE"):
        assert (await admins.request(method, f"{CLIENTS}/photo-album")).status_code == 404
    events = [(entry.event, entry.client_id) for entry in application.auth.audit.entries()]
    assert events == [(f"client.{what}", "photo-album") for what in ("deleted", "changed", "created")]
    assert secret not in repr(application.auth.audit.entries())


async def test_a_new_secret_voids_the_old_one(admins: httpx.AsyncClient, application: Application):
    old = (await admins.post(CLIENTS, json=NEW)).json()["client_secret"]
    reply = await admins.post(f"{CLIENTS}/photo-album/secret")
    new = reply.json()["client_secret"]
    assert reply.status_code == 200
    assert application.auth.clients.authenticate("photo-album", new)
    assert application.auth.clients.authenticate("photo-album", old) is None


async def test_a_public_one_has_no_secret(admins: httpx.AsyncClient):
    created = await admins.post(CLIENTS, json=NEW | {"public": True})
    assert (created.status_code, created.json()["client_secret"]) == (201, None)
    assert (await admins.post(f"{CLIENTS}/photo-album/secret")).status_code == 403


async def test_an_id_is_made_where_none_is_wished(admins: httpx.AsyncClient):
    for wish in ({}, {"id": None}):
        body = {name: value for name, value in NEW.items() if name != "id"} | wish
        created = (await admins.post(CLIENTS, json=body)).json()
        assert (await admins.get(f"{CLIENTS}/{created['id']}")).status_code == 200
    assert (await admins.post(CLIENTS, json=NEW)).status_code == 201
    again = await admins.post(CLIENTS, json=NEW)
    assert (again.status_code, again.json()["code"]) == (400, "invalid_fields")


async def test_the_command_line_is_always_there(admins: httpx.AsyncClient):
    assert [item["id"] for item in (await admins.get(CLIENTS)).json()["items"]] == ["raylens-cli"]
    assert (await admins.delete(f"{CLIENTS}/raylens-cli")).status_code == 403
    disabled = await admins.patch(f"{CLIENTS}/raylens-cli", json={"disabled": True})
    assert disabled.json()["disabled"]


ALLOWED = [
    "https://album.example.org/callback?a=b",
    "https://album.example.org:8443",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:9000/callback",
    "http://[::1]/callback",
    "http://localhost:8000/callback",
    "com.example.album:/callback",
]
REFUSED = [
    "",
    "album",
    "/callback",
    "http://album.example.org/callback",
    "http://127.0.0.1.evil.example/",
    "http://localhost.evil.example/",
    "https://album.example.org/#fragment",
    "https://album.example.org/callback#",
    "https://user@album.example.org/",
    "https://user:secret@album.example.org/",
    "http://localhost@evil.example/",
    "https://*.example.org/callback",
    "https://album.example.org/*",
    "https://album.example.org/a b",
    "https://album.example.org\\@evil.example/",
    "https://album.example.org/\n",
    "https://álbum.example.org/",
    "https:///callback",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "album:/callback",
    "https://album.example.org/" + "x" * 2000,
    "https://album.example.org/\ud800",
]


@pytest.mark.parametrize("uri", ALLOWED)
async def test_where_people_may_be_sent_back_to(admins: httpx.AsyncClient, uri: str):
    created = await admins.post(CLIENTS, json=NEW | {"redirect_uris": [uri]})
    assert (created.status_code, created.json().get("redirect_uris")) == (201, [uri])


@pytest.mark.parametrize("uri", REFUSED)
async def test_where_they_may_not(admins: httpx.AsyncClient, uri: str):
    assert (await admins.post(CLIENTS, json=NEW)).status_code == 201
    headers = {"Content-Type": "application/json"}
    changed = await admins.patch(
        f"{CLIENTS}/photo-album", content=json.dumps({"redirect_uris": [uri]}), headers=headers
    )
    assert (changed.status_code, changed.json()["code"]) == (400, "invalid_fields")
    created = await admins.post(
        CLIENTS, content=json.dumps(NEW | {"id": "other", "redirect_uris": [uri]}), headers=headers
    )
    assert (created.status_code, created.json()["code"]) == (400, "invalid_fields")
    assert (await admins.get(f"{CLIENTS}/photo-album")).json() == ALBUM


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"id": "x"}, 400),
        ({"id": "Photo Album"}, 400),
        ({"id": "x" * 65}, 400),
        ({"id": 7}, 422),
        ({"name": ""}, 400),
        ({"name": "x" * 101}, 400),
        ({"name": "line\nbreak"}, 400),
        ({"name": None}, 422),
        ({"uri": "javascript:alert(1)"}, 400),
        ({"uri": "x" * 501}, 400),
        ({"redirect_uris": []}, 400),
        ({"redirect_uris": ["https://album.example.org/"] * 21}, 400),
        ({"redirect_uris": "https://album.example.org/"}, 422),
        ({"scopes": []}, 400),
        ({"scopes": ["everything"]}, 422),
        ({"grants": []}, 400),
        ({"grants": ["password"]}, 422),
        ({"grants": ["refresh_token"]}, 400),
        ({"grants": ["client_credentials"], "public": True}, 400),
        ({"public": None}, 422),
        ({"secret": "mine"}, 422),
        ({"created_at": 0}, 422),
    ],
)
async def test_what_is_no_application(admins: httpx.AsyncClient, wrong: dict[str, Any], status: int):
    assert (await admins.post(CLIENTS, json=NEW | wrong)).status_code == status
    assert len((await admins.get(CLIENTS)).json()["items"]) == 1


@pytest.mark.parametrize("missing", ["name", "scopes", "grants", "public"])
async def test_what_has_to_be_said(admins: httpx.AsyncClient, missing: str):
    body = {name: value for name, value in NEW.items() if name != missing}
    assert (await admins.post(CLIENTS, json=body)).status_code == 422


@pytest.mark.parametrize("change", [{"id": "x"}, {"public": True}, {"client_secret": "x"}, {"disabled": "maybe"}, []])
async def test_what_does_not_change(admins: httpx.AsyncClient, change: Any):
    await admins.post(CLIENTS, json=NEW)
    assert (await admins.patch(f"{CLIENTS}/photo-album", json=change)).status_code == 422
    assert (await admins.get(f"{CLIENTS}/photo-album")).json() == ALBUM


@pytest.mark.parametrize("id_", ["nobody", "photo-album%20", "PHOTO-ALBUM", "x" * 65, "%00", "%F0%9F%90%95", "é", "1"])
async def test_what_is_not_there(admins: httpx.AsyncClient, id_: str):
    await admins.post(CLIENTS, json=NEW)
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/secret")):
        reply = await admins.request(
            method, f"{CLIENTS}/{id_}{path}", json={"name": "x"} if method == "PATCH" else None
        )
        assert reply.status_code in {404, 422}


async def test_only_admins_look_after_applications(
    application: Application, factory: UserFactory, root: int, alice: int
):
    for user_id, status in ((alice, 403), (root, 200)):
        async with program(application, factory.issue(user_id, "token")) as script:
            assert (await script.get(CLIENTS)).status_code == status
