"""Users, as administrators see and change them."""

from typing import Any

from httpx import AsyncClient

from tests.auth.application import Application
from tests.auth.routes.browser import api_client, browser
from tests.auth.user_factory import UserFactory

USERS = "/api/v1/admin/users"


async def test_users_are_listed_newest_first(admin_client: AsyncClient, factory: UserFactory, root: int):
    alice, bob = factory.add("alice"), factory.add("bob", password=None, disabled_us=1)
    factory.add("gone", deleted_us=1)
    reply = await admin_client.get(USERS)
    assert reply.headers["cache-control"] == "no-store"
    assert reply.json()["next_before"] is None
    items = reply.json()["items"]
    assert [item["id"] for item in items] == [bob, alice, root]
    assert [item["disabled"] for item in items] == [True, False, False]
    assert items[1] == {
        "id": alice,
        "username": "alice",
        "email": "alice@example.org",
        "role": "user",
        "created_at": "2027-01-15T08:00:00Z",
        "has_password": True,
        "disabled": False,
    }


async def test_pages_of_users(admin_client: AsyncClient, factory: UserFactory, root: int):
    ids = [root, *(factory.add(f"user{number}") for number in range(100))]
    seen: list[int] = []
    before: int | None = None
    pages = 0
    while pages == 0 or before:
        reply = (await admin_client.get(USERS, params={"before": before} if before else {})).json()
        seen += [item["id"] for item in reply["items"]]
        before = reply["next_before"]
        pages += 1
    assert pages == 3
    assert seen == ids[::-1]


async def test_the_last_page_may_be_full(admin_client: AsyncClient, factory: UserFactory):
    for number in range(49):
        factory.add(f"user{number}")
    reply = (await admin_client.get(USERS)).json()
    assert (len(reply["items"]), reply["next_before"]) == (50, None)


async def test_search(admin_client: AsyncClient, factory: UserFactory):
    factory.add("alice")
    factory.add("bob")
    expected = {"ali": ["alice"], "EXAMPLE.org": ["bob", "alice", "root"], "%": [], "_": [], "\\": [], "zoe": []}
    found = {}
    for text in expected:
        reply = await admin_client.get(USERS, params={"q": text})
        found[text] = [item["username"] for item in reply.json()["items"]]
    assert found == expected


async def test_query_parameters_are_validated(admin_client: AsyncClient):
    statuses = {
        "before=0": 422,
        "before=-1": 422,
        "before=x": 422,
        f"before={1 << 63}": 422,
        f"before={'9' * 300}": 422,
        f"before={(1 << 63) - 1}": 200,
        f"q={'x' * 254}": 200,
        f"q={'x' * 255}": 422,
        "q=%00": 200,
        "q=%ff%fe": 200,
        "q=%ED%A0%80": 200,
        "q=%F0%9F%90%95": 200,
    }
    assert {query: (await admin_client.get(f"{USERS}?{query}")).status_code for query in statuses} == statuses


async def test_roles_change_at_once(
    admin_client: AsyncClient, alice_client: AsyncClient, application: Application, alice: int, root: int
):
    assert (await alice_client.get(USERS)).status_code == 403
    reply = await admin_client.patch(f"{USERS}/{alice}", json={"role": "admin"})
    assert (reply.status_code, reply.json()["role"]) == (200, "admin")
    assert (await alice_client.get(USERS)).status_code == 200
    reply = await admin_client.patch(f"{USERS}/{alice}", json={"role": "user"})
    assert reply.json()["role"] == "user"
    assert (await alice_client.get(USERS)).status_code == 403
    entries = application.auth.audit.entries(user_id=alice)
    assert [(entry.event, entry.actor_id, entry.detail) for entry in entries] == [
        ("user.role_changed", root, {"role": "user"}),
        ("user.role_changed", root, {"role": "admin"}),
    ]


async def test_a_disabled_user_is_rejected_at_once(
    admin_client: AsyncClient,
    alice_client: AsyncClient,
    application: Application,
    factory: UserFactory,
    alice: int,
):
    token, key = factory.issue(alice, "token"), factory.issue(alice, "key", frozenset({"profile"}))
    async with api_client(application, token) as script, api_client(application, key) as job:
        for client in (alice_client, script, job):
            assert (await client.get("/api/v1/account")).status_code == 200
        reply = await admin_client.patch(f"{USERS}/{alice}", json={"disabled": True})
        assert (reply.status_code, reply.json()["disabled"]) == (200, True)
        for client in (alice_client, script, job):
            assert (await client.get("/api/v1/account")).status_code == 401
        assert not (await admin_client.patch(f"{USERS}/{alice}", json={"disabled": False})).json()["disabled"]
        assert [(await client.get("/api/v1/account")).status_code for client in (alice_client, script, job)] == [
            401,
            401,
            200,
        ]
    assert [entry.event for entry in application.auth.audit.entries(user_id=alice)] == ["user.enabled", "user.disabled"]


async def test_a_deleted_user_is_rejected_at_once(
    admin_client: AsyncClient, alice_client: AsyncClient, application: Application, alice: int, root: int
):
    assert (await alice_client.get("/api/v1/account")).status_code == 200
    erased: list[int] = []
    application.auth.erase = erased.append
    assert (await admin_client.delete(f"{USERS}/{alice}")).status_code == 204
    assert erased == [alice]
    assert (await alice_client.get("/api/v1/account")).status_code == 401
    assert [item["id"] for item in (await admin_client.get(USERS)).json()["items"]] == [root]
    assert (await admin_client.delete(f"{USERS}/{alice}")).status_code == 404
    assert (await admin_client.patch(f"{USERS}/{alice}", json={"disabled": False})).status_code == 404
    [entry] = application.auth.audit.entries(user_id=alice)
    assert (entry.event, entry.actor_id) == ("user.deleted", root)


async def test_admins_cannot_change_themselves(
    admin_client: AsyncClient, application: Application, factory: UserFactory, root: int
):
    factory.add("second", role="admin")
    for change in ({"role": "user"}, {"disabled": True}):
        assert (await admin_client.patch(f"{USERS}/{root}", json=change)).status_code == 403
    assert (await admin_client.delete(f"{USERS}/{root}")).status_code == 403
    assert application.auth.audit.entries() == []


async def test_the_only_admin_cannot_delete_their_account(
    admin_client: AsyncClient, factory: UserFactory, application: Application
):
    async with browser(application, factory.issue(factory.add("lone", password=None, role="admin"))) as lone:
        assert (await lone.request("DELETE", "/api/v1/account", json={})).status_code == 204
    assert (await admin_client.get(USERS)).status_code == 200
    async with browser(application, factory.issue(factory.add("last", password=None, role="admin"))) as last:
        [root] = [item["id"] for item in (await last.get(USERS, params={"q": "root"})).json()["items"]]
        assert (await last.delete(f"{USERS}/{root}")).status_code == 204
        refused = await last.request("DELETE", "/api/v1/account", json={})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        assert (await last.get(USERS)).status_code == 200


async def test_an_api_key_needs_the_scope_admin(application: Application, factory: UserFactory, root: int, alice: int):
    for scopes, status in (({"admin"}, 200), ({"profile"}, 403)):
        async with api_client(application, factory.issue(root, "key", frozenset(scopes))) as script:
            assert (await script.patch(f"{USERS}/{alice}", json={"disabled": True})).status_code == status


async def test_an_invalid_change_is_rejected(admin_client: AsyncClient, alice: int):
    bodies: list[Any] = [{"role": "root"}, {"role": ["admin"]}, {"disabled": "perhaps"}, {"disabled": 2}]
    for body in [*bodies, {"username": "x"}, [], None, "x"]:
        assert (await admin_client.patch(f"{USERS}/{alice}", json=body)).status_code == 422, body


async def test_a_change_without_effect_is_not_logged(admin_client: AsyncClient, application: Application, alice: int):
    for body in ({}, {"role": None, "disabled": None}, {"role": "user", "disabled": False}):
        reply = await admin_client.patch(f"{USERS}/{alice}", json=body)
        assert (reply.status_code, reply.json()["id"]) == (200, alice)
    assert application.auth.audit.entries() == []


async def test_invalid_and_unknown_ids(admin_client: AsyncClient):
    for id_ in ("0", "-1", str(1 << 63), "9" * 400, "x", "%00", "１"):
        assert (await admin_client.patch(f"{USERS}/{id_}", json={})).status_code in {404, 422}, id_
        assert (await admin_client.delete(f"{USERS}/{id_}")).status_code in {404, 422}, id_
    for unknown in (4711, (1 << 63) - 1):
        assert (await admin_client.patch(f"{USERS}/{unknown}", json={"disabled": True})).status_code == 404
        assert (await admin_client.patch(f"{USERS}/{unknown}", json={})).status_code == 404
        assert (await admin_client.delete(f"{USERS}/{unknown}")).status_code == 404
