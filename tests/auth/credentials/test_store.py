"""Sessions, tokens and API keys: how long they last, what they allow, and that they end."""

from unittest.mock import patch

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import OperationalError

from auth.audit import RequestSource
from auth.credentials.lifetimes import DAY, HOUR, MINUTE, to_microseconds
from auth.credentials.secret import digest_of
from auth.database import write
from auth.principal import CredentialKind
from auth.tables import credentials, users
from tests.auth.user_factory import UserFactory
from tests.clock import START, MovableClock


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add()


def survives(factory: UserFactory, clock: MovableClock, secret: str, *, every_s: float, until_s: float) -> bool:
    """Whether it still lets in after having been used so often, for so long."""
    start = clock.now
    while clock.now + every_s < start + until_s:
        clock.forward(every_s)
        factory.principal(secret)
    clock.now = start + until_s
    return factory.principal(secret) is not None


@pytest.mark.parametrize(("kind", "prefix"), [("session", "rls_"), ("token", "rlt_"), ("key", "rlk_")])
def test_only_the_digest_of_a_secret_is_kept(
    factory: UserFactory, engine: Engine, alice: int, kind: CredentialKind, prefix: str
):
    secret = factory.issue(alice, kind)
    assert secret.startswith(prefix)
    assert len(secret) == 4 + 43
    with engine.connect() as connection:
        row = connection.execute(select(credentials)).one()
    assert row.digest == digest_of(secret)
    assert row.hint == (secret[:10] if kind == "key" else "")
    kept = repr({name: value for name, value in row._mapping.items() if name != "hint"})
    assert secret[4:] not in kept
    assert secret[4:10] not in kept


def test_who_holds_it(factory: UserFactory, alice: int):
    factory.add("bob")
    principal = factory.principal(factory.issue(alice))
    assert principal
    assert principal.kind == "session"
    assert principal.is_first_party
    assert principal.user
    assert principal.user.id == alice
    assert principal.user.username == "alice"
    assert principal.user.email == "alice@example.org"
    assert principal.user.has_password
    assert principal.user.created_us == to_microseconds(START)
    assert principal.scopes == {"classify", "history:read", "history:write", "profile", "openid"}
    assert factory.principal("rls_" + "x" * 43) is None


def test_a_user_without_a_password_is_told_as_one(factory: UserFactory):
    principal = factory.principal(factory.issue(factory.add(password=None)))
    assert principal
    assert principal.user
    assert not principal.user.has_password


def test_an_admin_may_all(factory: UserFactory):
    principal = factory.principal(factory.issue(factory.add(role="admin"), "token"))
    assert principal
    assert "admin" in principal.scopes


@pytest.mark.parametrize(("role", "allowed"), [("user", {"classify"}), ("admin", {"classify", "admin"})])
def test_a_key_may_no_more_than_its_user(factory: UserFactory, role: str, allowed: set[str]):
    user_id = factory.add(role=role)
    principal = factory.principal(factory.issue(user_id, "key", frozenset({"classify", "admin"})))
    assert principal
    assert principal.scopes == allowed
    assert not principal.is_first_party


@pytest.mark.parametrize(("kind", "idle_s"), [("session", 12 * HOUR), ("token", 30 * DAY)])
def test_it_ends_when_it_is_not_used(
    factory: UserFactory, clock: MovableClock, alice: int, kind: CredentialKind, idle_s: int
):
    secret = factory.issue(alice, kind)
    assert survives(factory, clock, secret, every_s=idle_s - 1, until_s=3 * idle_s)
    clock.forward(idle_s)
    assert factory.principal(secret) is None


def test_a_session_ends_after_14_days_however_much_it_is_used(factory: UserFactory, clock: MovableClock, alice: int):
    secret = factory.issue(alice)
    assert survives(factory, clock, secret, every_s=6 * HOUR, until_s=14 * DAY - 1)
    clock.forward(1)
    assert factory.principal(secret) is None


def test_a_token_that_is_used_does_not_end(factory: UserFactory, clock: MovableClock, alice: int):
    secret = factory.issue(alice, "token")
    assert survives(factory, clock, secret, every_s=29 * DAY, until_s=400 * DAY)


def test_a_key_ends_when_it_was_said_and_not_for_want_of_use(factory: UserFactory, clock: MovableClock, alice: int):
    dated = factory.issue(alice, "key", lifetime_s=90 * DAY)
    endless = factory.issue(alice, "key")
    clock.forward(90 * DAY - 1)
    assert factory.principal(dated)
    clock.forward(1)
    assert factory.principal(dated) is None
    clock.forward(4000 * DAY)
    assert factory.principal(endless)


def test_the_principal_ends_as_late_as_its_last_use_lets_it(factory: UserFactory, clock: MovableClock, alice: int):
    """Who keeps the answer for some seconds must not take a session for ended that was just used."""
    secret = factory.issue(alice)
    clock.forward(12 * HOUR - 1)
    principal = factory.principal(secret)
    assert principal
    assert principal.expires_us == to_microseconds(clock.now + 12 * HOUR)


def test_use_is_written_down_once_a_minute(factory: UserFactory, engine: Engine, clock: MovableClock, alice: int):
    secret = factory.issue(alice)

    def seen_us() -> int:
        with engine.connect() as connection:
            return int(connection.scalars(select(credentials.c.seen_us)).one())

    clock.forward(MINUTE - 1)
    factory.principal(secret)
    assert seen_us() == to_microseconds(START)
    clock.forward(1)
    factory.principal(secret)
    assert seen_us() == to_microseconds(clock.now)


def test_a_database_too_busy_to_write_still_lets_in(factory: UserFactory, clock: MovableClock, alice: int):
    secret = factory.issue(alice)
    clock.forward(HOUR)
    busy = OperationalError("UPDATE", {}, Exception("database is locked"))
    with patch("auth.credentials.store.write", side_effect=busy) as write:
        assert factory.principal(secret)
    write.assert_called_once()


@pytest.mark.parametrize("column", ["disabled_us", "deleted_us"])
@pytest.mark.parametrize("kind", ["session", "token", "key"])
def test_a_closed_account_lets_nobody_in(
    factory: UserFactory, engine: Engine, alice: int, kind: CredentialKind, column: str
):
    secret = factory.issue(alice, kind)
    write(engine, lambda connection: connection.execute(update(users).values({column: to_microseconds(START)})))
    assert factory.principal(secret) is None


def test_one_ends_only_for_its_own_user_and_as_what_it_is(factory: UserFactory, engine: Engine, alice: int):
    bob = factory.add("bob")
    secret = factory.issue(alice)
    [session] = factory.credentials.list(alice, ["session"])

    def revoke(user_id: int, kind: CredentialKind) -> bool:
        return write(engine, lambda connection: factory.credentials.revoke(connection, user_id, session.id, [kind]))

    assert not revoke(bob, "session")
    assert not revoke(alice, "key")
    assert factory.principal(secret)
    assert revoke(alice, "session")
    assert not revoke(alice, "session")
    assert factory.principal(secret) is None


def test_all_of_some_kinds_end_but_one(factory: UserFactory, engine: Engine, alice: int):
    bob = factory.add("bob")
    session, token, key = (factory.issue(alice, kind) for kind in ("session", "token", "key"))
    here = factory.issue(alice)
    bobs = factory.issue(bob)
    principal = factory.principal(here)
    assert principal
    ended = write(
        engine,
        lambda connection: factory.credentials.revoke_all(
            connection, alice, ["session", "token"], principal.credential_id
        ),
    )
    assert ended == 2
    assert [bool(factory.principal(secret)) for secret in (session, token, key, here, bobs)] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_the_list_is_of_those_that_are_still_good(factory: UserFactory, clock: MovableClock, alice: int):
    source = RequestSource("203.0.113.9" + "x" * 80, "Firefox" * 90)
    factory.issue(alice, "key", frozenset({"classify"}), name="laptop", lifetime_s=DAY)
    factory.issue(alice, "token", source=source)
    factory.issue(factory.add("bob"), "token")
    [token, key] = factory.credentials.list(alice, ["key", "token"])
    assert (token.kind, token.user_id, token.created_us) == ("token", alice, to_microseconds(START))
    assert (token.address, token.user_agent) == (source.address[:64], source.user_agent[:255])
    assert (key.name, key.scopes, key.expires_us) == ("laptop", frozenset({"classify"}), to_microseconds(START + DAY))
    assert factory.credentials.list(alice, ["key"]) == [key]
    clock.forward(DAY)
    assert factory.credentials.list(alice, ["key", "token"]) == [token]


def test_what_has_ended_is_swept_away(factory: UserFactory, engine: Engine, clock: MovableClock, alice: int):
    for kind in ("session", "token", "key"):
        factory.issue(alice, kind)
    factory.issue(alice, "key", lifetime_s=HOUR)
    assert write(engine, factory.credentials.sweep) == 0
    clock.forward(12 * HOUR)
    assert write(engine, factory.credentials.sweep) == 2
    clock.forward(30 * DAY)
    assert write(engine, factory.credentials.sweep) == 1
    assert [credential.kind for credential in factory.credentials.list(alice, ["session", "token", "key"])] == ["key"]
