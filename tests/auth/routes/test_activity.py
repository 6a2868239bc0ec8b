"""The audit log: the own entries, and all of them for administrators."""

from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import Engine

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.database import write
from tests.auth.application import Application
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

ACTIVITY = "/api/v1/account/activity"
AUDIT = "/api/v1/admin/audit"
HERE = RequestSource("203.0.113.7", "Firefox")


class Log:
    """Writes entries."""

    def __init__(self, database: Engine, audit: AuditLog) -> None:
        self._database = database
        self._audit = audit

    def add(self, event: AuditEvent, user_id: int | None, **more: Any) -> None:
        add = self._audit.add
        write(
            self._database,
            lambda connection: add(connection, event, user_id=user_id, source=HERE, detail={"n": 1}, **more),
        )


@pytest.fixture
def log(database: Engine, application: Application) -> Log:
    return Log(database, application.auth.audit)


async def test_users_read_entries_about_themselves(
    alice_client: AsyncClient, log: Log, clock: MovableClock, alice: int, root: int
):
    log.add(AuditEvent.SIGNED_IN, alice)
    clock.forward(0.000001)
    log.add(AuditEvent.ROLE_CHANGED, alice, actor_id=root)
    log.add(AuditEvent.SIGNED_IN, root)
    log.add(AuditEvent.DELETED, root, actor_id=alice)
    reply = (await alice_client.get(ACTIVITY)).json()
    role_changed, signed_in = reply["items"]
    assert reply["next_before"] is None
    assert signed_in == {
        "id": signed_in["id"],
        "at": "2027-01-15T08:00:00Z",
        "event": "user.signed_in",
        "address": "203.0.113.7",
        "user_agent": "Firefox",
        "client_id": "",
        "detail": {"n": 1},
    }
    assert (role_changed["event"], role_changed["at"]) == ("user.role_changed", "2027-01-15T08:00:00.000001Z")
    assert (role_changed["address"], role_changed["user_agent"]) == ("", "")


async def test_pages(alice_client: AsyncClient, admin_client: AsyncClient, log: Log, alice: int):
    for _ in range(100):
        log.add(AuditEvent.SIGNED_IN, alice)
    for client, path in ((alice_client, ACTIVITY), (admin_client, AUDIT)):
        first = (await client.get(path)).json()
        assert len(first["items"]) == 50
        assert first["next_before"] == first["items"][-1]["id"]
        second = (await client.get(path, params={"before": first["next_before"]})).json()
        assert (len(second["items"]), second["next_before"]) == (50, None)
        ids = [item["id"] for item in first["items"] + second["items"]]
        assert ids == sorted(set(ids), reverse=True)
        assert (await client.get(path, params={"before": ids[-1]})).json() == {"items": [], "next_before": None}


async def test_administrators_read_all_entries_with_usernames(
    admin_client: AsyncClient, log: Log, factory: UserFactory, alice: int, root: int
):
    log.add(AuditEvent.SIGNED_IN, alice)
    log.add(AuditEvent.DISABLED, alice, actor_id=root)
    log.add(AuditEvent.SIGN_IN_FAILED, None)
    log.add(AuditEvent.CLIENT_CREATED, None, actor_id=root, client_id="photo-album")
    log.add(AuditEvent.DELETED, factory.add("gone", deleted_us=1))
    items = (await admin_client.get(AUDIT)).json()["items"]
    told = [
        (item["event"], item["user_id"], item["username"], item["actor_id"], item["client_id"]) for item in items[1:]
    ]
    assert told == [
        ("client.created", None, None, root, "photo-album"),
        ("user.sign_in_failed", None, None, None, ""),
        ("user.disabled", alice, "alice", root, ""),
        ("user.signed_in", alice, "alice", alice, ""),
    ]
    assert items[0]["username"] is None
    assert items[0]["address"] == "203.0.113.7"
    assert items[2]["detail"] == {"n": 1}


async def test_administrators_filter_by_user_and_event(
    admin_client: AsyncClient, log: Log, factory: UserFactory, alice: int
):
    bob = factory.add("bob")
    log.add(AuditEvent.SIGNED_IN, alice)
    log.add(AuditEvent.SIGNED_IN, bob)
    log.add(AuditEvent.SIGNED_OUT, bob)

    async def found(**query: str | int) -> list[tuple[str, str]]:
        reply = await admin_client.get(AUDIT, params=query)
        return [(item["username"], item["event"]) for item in reply.json()["items"]]

    assert await found(user_id=bob) == [("bob", "user.signed_out"), ("bob", "user.signed_in")]
    assert await found(event="user.signed_in") == [("bob", "user.signed_in"), ("alice", "user.signed_in")]
    assert await found(user_id=alice, event="user.signed_in") == [("alice", "user.signed_in")]
    assert await found(user_id=4711) == []


async def test_query_parameters_are_validated(admin_client: AsyncClient):
    statuses = {
        "before=0": 422,
        "before=x": 422,
        f"before={1 << 63}": 422,
        f"before={(1 << 63) - 1}": 200,
        f"user_id={1 << 63}": 422,
        f"user_id={(1 << 63) - 1}": 200,
        "user_id=-1": 422,
        "user_id=": 422,
        "event=": 422,
        "event=user.flew": 422,
        "event=%00": 422,
        "event=%F0%9F%90%95": 422,
    }
    assert {query: (await admin_client.get(f"{AUDIT}?{query}")).status_code for query in statuses} == statuses
