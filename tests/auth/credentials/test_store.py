"""Sessions, tokens and API keys: lifetime, scopes, revocation."""

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
from tests.auth.databases import both_databases
from tests.auth.user_factory import UserFactory
from tests.clock import START, MovableClock


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add()


def survives(factory: UserFactory, clock: MovableClock, secret: str, *, every_s: float, until_s: float) -> bool:
    """Whether the credential is valid after ``until_s`` seconds, if it is used every ``every_s`` seconds."""
    start = clock.now
    while clock.now + every_s < start + until_s:
        clock.forward(every_s)
        factory.principal(secret)
    clock.now = start + until_s
    return factory.principal(secret) is not None


@both_databases
def test_only_the_digest_of_a_secret_is_stored(factory: UserFactory, database: Engine, alice: int):
    prefixes: dict[CredentialKind, str] = {"session": "rls_", "token": "rlt_", "key": "rlk_"}
    for kind, prefix in prefixes.items():
        secret = factory.issue(alice, kind)
        assert secret.startswith(prefix)
        assert len(secret) == 4 + 43
        with database.connect() as connection:
            row = connection.execute(select(credentials).where(credentials.c.kind == kind)).one()
        assert row.digest == digest_of(secret)
        assert row.hint == (secret[:10] if kind == "key" else "")
        stored = repr({name: value for name, value in row._mapping.items() if name != "hint"})
        assert secret[4:] not in stored
        assert secret[4:10] not in stored


@both_databases
def test_a_credential_resolves_to_its_principal(factory: UserFactory, alice: int):
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


def test_the_principal_says_whether_the_user_has_a_password(factory: UserFactory):
    principal = factory.principal(factory.issue(factory.add(password=None)))
    assert principal
    assert principal.user
    assert not principal.user.has_password


def test_an_admin_has_the_admin_scope(factory: UserFactory):
    principal = factory.principal(factory.issue(factory.add(role="admin"), "token"))
    assert principal
    assert "admin" in principal.scopes


def test_an_api_key_has_no_more_scopes_than_its_user(factory: UserFactory):
    scopes = {}
    for role in ("user", "admin"):
        key = factory.issue(factory.add(role, role=role), "key", frozenset({"classify", "admin"}))
        principal = factory.principal(key)
        assert principal
        assert not principal.is_first_party
        scopes[role] = principal.scopes
    assert scopes == {"user": {"classify"}, "admin": {"classify", "admin"}}


def test_unused_sessions_and_tokens_expire(factory: UserFactory, clock: MovableClock, alice: int):
    idle_timeouts: dict[CredentialKind, int] = {"session": 12 * HOUR, "token": 30 * DAY}
    for kind, idle_s in idle_timeouts.items():
        secret = factory.issue(alice, kind)
        assert survives(factory, clock, secret, every_s=idle_s - 1, until_s=3 * idle_s), kind
        clock.forward(idle_s)
        assert factory.principal(secret) is None, kind


def test_a_session_expires_after_14_days_of_use(factory: UserFactory, clock: MovableClock, alice: int):
    secret = factory.issue(alice)
    assert survives(factory, clock, secret, every_s=6 * HOUR, until_s=14 * DAY - 1)
    clock.forward(1)
    assert factory.principal(secret) is None


def test_a_token_in_use_does_not_expire(factory: UserFactory, clock: MovableClock, alice: int):
    secret = factory.issue(alice, "token")
    assert survives(factory, clock, secret, every_s=29 * DAY, until_s=400 * DAY)


def test_an_api_key_expires_at_its_date_only(factory: UserFactory, clock: MovableClock, alice: int):
    dated = factory.issue(alice, "key", lifetime_s=90 * DAY)
    endless = factory.issue(alice, "key")
    clock.forward(90 * DAY - 1)
    assert factory.principal(dated)
    clock.forward(1)
    assert factory.principal(dated) is None
    clock.forward(4000 * DAY)
    assert factory.principal(endless)


def test_the_principal_expires_as_late_as_its_last_use_allows(factory: UserFactory, clock: MovableClock, alice: int):
    """A cached principal must not expire before a session that was just used."""
    secret = factory.issue(alice)
    clock.forward(12 * HOUR - 1)
    principal = factory.principal(secret)
    assert principal
    assert principal.expires_us == to_microseconds(clock.now + 12 * HOUR)


def test_last_use_is_recorded_once_a_minute(factory: UserFactory, database: Engine, clock: MovableClock, alice: int):
    secret = factory.issue(alice)

    def seen_us() -> int:
        with database.connect() as connection:
            return int(connection.scalars(select(credentials.c.seen_us)).one())

    clock.forward(MINUTE - 1)
    factory.principal(secret)
    assert seen_us() == to_microseconds(START)
    clock.forward(1)
    factory.principal(secret)
    assert seen_us() == to_microseconds(clock.now)


def test_a_busy_database_does_not_reject_credentials(factory: UserFactory, clock: MovableClock, alice: int):
    secret = factory.issue(alice)
    clock.forward(HOUR)
    busy = OperationalError("UPDATE", {}, Exception("database is locked"))
    with patch("auth.credentials.store.write", side_effect=busy) as write:
        assert factory.principal(secret)
    write.assert_called_once()


def test_credentials_of_disabled_and_deleted_users_are_rejected(factory: UserFactory, database: Engine):
    for column in ("disabled_us", "deleted_us"):
        user_id = factory.add(column)
        secrets = [factory.issue(user_id, kind) for kind in ("session", "token", "key")]
        assert all(factory.principal(secret) for secret in secrets)
        closed = update(users).where(users.c.id == user_id).values({column: to_microseconds(START)})
        with database.begin() as connection:
            connection.execute(closed)
        assert [factory.principal(secret) for secret in secrets] == [None] * 3


def test_a_credential_is_revoked_only_for_its_user_and_kind(factory: UserFactory, database: Engine, alice: int):
    bob = factory.add("bob")
    secret = factory.issue(alice)
    [session] = factory.credentials.list(alice, ["session"])

    def revoke(user_id: int, kind: CredentialKind) -> bool:
        return write(database, lambda connection: factory.credentials.revoke(connection, user_id, session.id, [kind]))

    assert not revoke(bob, "session")
    assert not revoke(alice, "key")
    assert factory.principal(secret)
    assert revoke(alice, "session")
    assert not revoke(alice, "session")
    assert factory.principal(secret) is None


@both_databases
def test_all_credentials_of_some_kinds_are_revoked_but_one(factory: UserFactory, database: Engine, alice: int):
    bob = factory.add("bob")
    session, token, key = (factory.issue(alice, kind) for kind in ("session", "token", "key"))
    here = factory.issue(alice)
    bobs = factory.issue(bob)
    principal = factory.principal(here)
    assert principal
    ended = write(
        database,
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


@both_databases
def test_only_valid_credentials_are_listed(factory: UserFactory, clock: MovableClock, alice: int):
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


@both_databases
def test_expired_credentials_are_swept(factory: UserFactory, database: Engine, clock: MovableClock, alice: int):
    for kind in ("session", "token", "key"):
        factory.issue(alice, kind)
    factory.issue(alice, "key", lifetime_s=HOUR)
    assert write(database, factory.credentials.sweep) == 0
    clock.forward(12 * HOUR)
    assert write(database, factory.credentials.sweep) == 2
    clock.forward(30 * DAY)
    assert write(database, factory.credentials.sweep) == 1
    assert [credential.kind for credential in factory.credentials.list(alice, ["session", "token", "key"])] == ["key"]
