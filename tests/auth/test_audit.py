"""The log: written with what it tells of, read newest first, and no secret in it."""

import json

import pytest
from sqlalchemy import Connection, Engine

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.lifetimes import to_microseconds
from auth.database import write
from tests.auth.user_factory import UserFactory
from tests.clock import START, MovableClock


@pytest.fixture
def audit(engine: Engine, clock: MovableClock) -> AuditLog:
    return AuditLog(engine, clock)


def add(engine: Engine, audit: AuditLog, event: AuditEvent, user_id: int | None, **more: object) -> None:
    write(engine, lambda connection: audit.add(connection, event, user_id=user_id, **more))  # type: ignore[arg-type]


def test_an_entry_says_what_happened_to_whom_by_whom_from_where(engine: Engine, audit: AuditLog):
    detail = {"role": "admin", "was": "user"}
    source = RequestSource("2001:db8::7", "Firefox")
    add(engine, audit, AuditEvent.ROLE_CHANGED, 7, actor_id=1, client_id="app", source=source, detail=detail)
    [entry] = audit.entries()
    assert (entry.event, entry.user_id, entry.actor_id, entry.client_id) == ("user.role_changed", 7, 1, "app")
    assert (entry.address, entry.user_agent, entry.detail) == ("2001:db8::7", "Firefox", detail)
    assert entry.at_us == to_microseconds(START)


def test_without_an_actor_it_was_the_user(engine: Engine, audit: AuditLog):
    add(engine, audit, AuditEvent.SIGNED_IN, 7)
    add(engine, audit, AuditEvent.SIGN_IN_FAILED, None)
    failed, signed_in = audit.entries()
    assert (signed_in.user_id, signed_in.actor_id) == (7, 7)
    assert (failed.user_id, failed.actor_id) == (None, None)


def test_nothing_is_told_of_what_did_not_happen(engine: Engine, audit: AuditLog):
    def work(connection: Connection) -> None:
        audit.add(connection, AuditEvent.DELETED, user_id=7)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write(engine, work)
    assert audit.entries() == []


@pytest.mark.parametrize("text", ["x" * 5000, "Firefox \x00 'quoted' \\ \xff", "фотография 🐕"])
def test_whatever_a_client_calls_itself_is_kept_as_far_as_it_fits(engine: Engine, audit: AuditLog, text: str):
    add(engine, audit, AuditEvent.SIGNED_IN, 7, source=RequestSource(text, text), detail={"name": text})
    [entry] = audit.entries()
    assert (entry.address, entry.user_agent, entry.detail) == (text[:64], text[:255], {"name": text})


def test_newest_first_of_one_user_of_one_kind_older_than_one(engine: Engine, audit: AuditLog):
    for number in range(6):
        add(engine, audit, AuditEvent.SIGNED_IN if number % 2 else AuditEvent.SIGNED_OUT, number // 3)
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


def test_an_entry_is_json(engine: Engine, audit: AuditLog):
    add(engine, audit, AuditEvent.CLIENT_CHANGED, None, detail={"scopes": ["classify"], "public": True, "name": None})
    [entry] = audit.entries()
    assert json.loads(json.dumps(entry.detail)) == {"scopes": ["classify"], "public": True, "name": None}


def test_names_are_those_of_today_and_of_nobody_who_is_deleted(audit: AuditLog, factory: UserFactory):
    alice, bob = factory.add("alice"), factory.add("bob", deleted_us=1)
    assert audit.usernames({alice, bob, 4711}) == {alice: "alice"}
    assert audit.usernames(set()) == {}
