"""Sessions of the web app: one per browser, ended by signing out."""

import pytest
from sqlalchemy import Engine

from auth.audit import AuditLog, RequestSource
from auth.credentials.sessions import SessionService
from tests.auth.application import Application
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

HERE = RequestSource("203.0.113.7", "Firefox")


@pytest.fixture
def audit(database: Engine, clock: MovableClock) -> AuditLog:
    return AuditLog(database, clock)


@pytest.fixture
def sessions(application: Application) -> SessionService:
    return application.auth.sessions


def test_a_session_is_valid_until_it_is_ended(sessions: SessionService, factory: UserFactory, audit: AuditLog):
    alice = factory.add()
    secret = sessions.begin(alice, replaces=None, source=HERE)
    other = sessions.begin(alice, replaces=None, source=HERE)
    assert factory.principal(secret)
    sessions.end(secret, source=HERE)
    assert factory.principal(secret) is None
    assert factory.principal(other)
    [entry] = audit.entries()
    assert (entry.event, entry.user_id, entry.address, entry.user_agent) == (
        "user.signed_out",
        alice,
        "203.0.113.7",
        "Firefox",
    )


def test_ending_it_again_changes_nothing(sessions: SessionService, factory: UserFactory, audit: AuditLog):
    secret = sessions.begin(factory.add(), replaces=None, source=HERE)
    for _ in range(2):
        sessions.end(secret, source=HERE)
    assert len(audit.entries()) == 1


def test_a_new_session_replaces_the_previous_one(sessions: SessionService, factory: UserFactory, audit: AuditLog):
    mallory, alice = factory.add("mallory"), factory.add("alice")
    planted = sessions.begin(mallory, replaces=None, source=HERE)
    secret = sessions.begin(alice, replaces=planted, source=HERE)
    assert factory.principal(planted) is None
    assert factory.principal(secret)
    assert [entry.user_id for entry in audit.entries(event="user.signed_out")] == [mallory]


def test_sessions_alone_are_ended_by_the_cookie(sessions: SessionService, factory: UserFactory):
    alice = factory.add()
    for secret in (factory.issue(alice, "token"), factory.issue(alice, "key")):
        sessions.end(secret, source=HERE)
        sessions.begin(alice, replaces=secret, source=HERE)
        assert factory.principal(secret)


def test_an_expired_session_is_replaced_too(sessions: SessionService, factory: UserFactory, clock: MovableClock):
    alice = factory.add()
    old = sessions.begin(alice, replaces=None, source=HERE)
    clock.forward(13 * 3600)
    assert factory.principal(sessions.begin(alice, replaces=old, source=HERE))
    assert [session.created_us for session in factory.credentials.list(alice, ["session"])] == [round(clock.now * 1e6)]
