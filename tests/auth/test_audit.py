"""The audit log: written in the transaction of the event, read newest first."""

import pytest
from sqlalchemy import Connection, Engine

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.lifetimes import to_microseconds
from auth.database import write
from tests.auth.databases import both_databases
from tests.auth.user_factory import UserFactory
from tests.clock import START, MovableClock


@pytest.fixture
def audit(database: Engine, clock: MovableClock) -> AuditLog:
    return AuditLog(database, clock)


def add(database: Engine, audit: AuditLog, event: AuditEvent, user_id: int | None, **more: object) -> None:
    write(database, lambda connection: audit.add(connection, event, user_id=user_id, **more))  # type: ignore[arg-type]


@both_databases
def test_an_entry_has_the_event_user_actor_and_source(database: Engine, audit: AuditLog):
    detail = {"role": "admin", "was": None, "scopes": ["classify"], "public": True}
    source = RequestSource("2001:db8::7", "Firefox")
    add(database, audit, AuditEvent.ROLE_CHANGED, 7, actor_id=1, client_id="app", source=source, detail=detail)
    [entry] = audit.entries()
    assert (entry.event, entry.user_id, entry.actor_id, entry.client_id) == ("user.role_changed", 7, 1, "app")
    assert (entry.address, entry.user_agent, entry.detail) == ("2001:db8::7", "Firefox", detail)
    assert entry.at_us == to_microseconds(START)


def test_the_default_actor_is_the_user(database: Engine, audit: AuditLog):
    add(database, audit, AuditEvent.SIGNED_IN, 7)
    add(database, audit, AuditEvent.SIGN_IN_FAILED, None)
    failed, signed_in = audit.entries()
    assert (signed_in.user_id, signed_in.actor_id) == (7, 7)
    assert (failed.user_id, failed.actor_id) == (None, None)


def test_a_rollback_leaves_no_entry(database: Engine, audit: AuditLog):
    def work(connection: Connection) -> None:
        audit.add(connection, AuditEvent.DELETED, user_id=7)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write(database, work)
    assert audit.entries() == []


@both_databases
def test_any_user_agent_is_stored_up_to_the_column_size(database: Engine, audit: AuditLog):
    for text in ("x" * 5000, "Firefox \x00 'quoted' \\ \xff", "фотография 🐕"):
        add(database, audit, AuditEvent.SIGNED_IN, 7, source=RequestSource(text, text), detail={"name": text})
        entry = audit.entries()[0]
        assert (entry.address, entry.user_agent, entry.detail) == (text[:64], text[:255], {"name": text})


@both_databases
def test_entries_are_listed_newest_first_by_user_event_and_age(database: Engine, audit: AuditLog):
    for number in range(6):
        add(database, audit, AuditEvent.SIGNED_IN if number % 2 else AuditEvent.SIGNED_OUT, number // 3)
    entries = audit.entries()
    ids = [entry.id for entry in entries]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 6
    assert audit.entries(user_id=1) == entries[:3]
    assert audit.entries(event=AuditEvent.SIGNED_OUT) == entries[1::2]
    assert audit.entries(before_id=ids[2]) == entries[3:]
    assert audit.entries(before_id=ids[2], limit=2) == entries[3:5]
    assert audit.entries(before_id=ids[-1]) == []
    assert audit.entries(user_id=1, event="user.signed_in", before_id=ids[0]) == [entries[2]]
    assert audit.entries(event="no such thing") == []


def test_usernames_are_those_of_existing_users(audit: AuditLog, factory: UserFactory):
    alice, bob = factory.add("alice"), factory.add("bob", deleted_us=1)
    assert audit.usernames({alice, bob, 4711}) == {alice: "alice"}
    assert audit.usernames(set()) == {}


def test_a_flood_of_failed_sign_ins_is_added_up(audit, database, clock):
    """In the next record; other events are all recorded."""

    def fail(times: int) -> None:
        for _ in range(times):
            add(database, audit, AuditEvent.SIGN_IN_FAILED, None)

    fail(250)
    assert len(audit.entries(limit=1000)) == 100
    clock.forward(1)
    fail(2)
    newest, *others = audit.entries(limit=1000)
    assert (newest.detail, len(others)) == ({"omitted": 150}, 100)
    assert audit.event_counts() == {AuditEvent.SIGN_IN_FAILED: 252}
    audit.record(AuditEvent.EXPORTED, user_id=1, source=RequestSource())
    assert audit.entries()[0].event == AuditEvent.EXPORTED
