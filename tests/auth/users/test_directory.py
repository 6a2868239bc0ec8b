"""Administration of users, and what remains of deleted ones."""

import pytest
from sqlalchemy import Engine, func, insert, select

from auth.audit import AuditEvent, RequestSource
from auth.database import write
from auth.errors import InvalidFields, InvalidLogin, PermissionDenied, ResourceNotFound
from auth.tables import audit, credentials, identities, oauth_clients, oauth_consents, oauth_families, users
from auth.users.accounts import AccountService
from tests.auth.application import PASSWORD, PASSWORD_HASH, Application, admit, authenticate
from tests.auth.databases import both_databases
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

HERE = RequestSource("203.0.113.7", "test")


@pytest.fixture
def accounts(application: Application) -> AccountService:
    return application.auth.accounts


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add("alice", password=PASSWORD_HASH)


@pytest.fixture
def admin(factory: UserFactory) -> int:
    return factory.add("root", role="admin")


def add_belongings(database: Engine, user_id: int) -> None:
    """Add one row to each table that refers to users, besides credentials."""
    client = {
        "name": "",
        "uri": "",
        "redirect_uris": [],
        "scopes": "",
        "grants": "",
        "auth_method": "none",
        "trusted": False,
        "created_us": 0,
    }
    family = {"scopes": "", "nonce": "", "authenticated_us": 0, "expires_us": 1 << 60}
    identity = {"provider": "p", "issuer": "i", "subject": "s", "email": "alice@example.org"}
    times = {"user_id": user_id, "created_us": 0}

    def add(connection):
        connection.execute(insert(oauth_clients).values(id="app", **client))
        connection.execute(insert(oauth_families).values(client_id="app", **family, **times))
        connection.execute(insert(oauth_consents).values(client_id="app", scopes="", seen_us=0, **times))
        connection.execute(insert(identities).values(seen_us=0, **identity, **times))

    write(database, add)


def count(database: Engine, *tables) -> list[int]:
    with database.connect() as connection:
        return [connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def active_families(database: Engine) -> int:
    with database.connect() as connection:
        return len(connection.execute(select(oauth_families).where(oauth_families.c.revoked_us.is_(None))).all())


@both_databases
def test_users_are_found_by_name_and_address_newest_first(accounts, factory):
    ids = {name: factory.add(name) for name in ("alice", "bob", "alicia", "under_score", "Straße")}
    factory.add("gone", deleted_us=1)

    def found(*arguments, **options):
        return [user.username for user in accounts.find(*arguments, **options)]

    assert found() == ["Straße", "under_score", "alicia", "bob", "alice"]
    assert found("ALI") == ["alicia", "alice"]
    assert found("BOB@Example") == ["bob"]
    assert found("_") == ["under_score"]
    assert found("STRASSE") == found("straße") == ["Straße"]
    assert found("%") == found("\ud800") == found("x" * 500) == []
    assert found(limit=2) == ["Straße", "under_score"]
    assert found(before_id=ids["alicia"]) == ["bob", "alice"]


def test_admins_set_the_roles_of_others_only(application, accounts, alice, admin):
    assert accounts.set_role(alice, "admin", actor_id=admin, source=HERE).role == "admin"
    accounts.set_role(alice, "admin", actor_id=admin, source=HERE)
    entries = application.auth.audit.entries(event=AuditEvent.ROLE_CHANGED)
    assert [(entry.user_id, entry.actor_id, entry.detail) for entry in entries] == [(alice, admin, {"role": "admin"})]
    with pytest.raises(PermissionDenied):
        accounts.set_role(admin, "user", actor_id=admin, source=HERE)
    assert accounts.get(admin).role == "admin"


@both_databases
def test_disabling_revokes_all_but_api_keys(database, accounts, factory, alice, admin):
    add_belongings(database, alice)
    secrets = {kind: factory.issue(alice, kind) for kind in ("session", "token", "key")}
    assert accounts.set_disabled(alice, True, actor_id=admin, source=HERE).is_disabled
    assert accounts.get(alice).is_disabled
    assert not any(factory.principal(secret) for secret in secrets.values())
    assert active_families(database) == 0
    with pytest.raises(InvalidLogin):
        authenticate(accounts, "alice", PASSWORD, source=HERE)
    assert not accounts.set_disabled(alice, False, actor_id=admin, source=HERE).is_disabled
    assert [kind for kind, secret in secrets.items() if factory.principal(secret)] == ["key"]
    assert authenticate(accounts, "alice", PASSWORD, source=HERE).id == alice
    with pytest.raises(PermissionDenied):
        accounts.set_disabled(admin, True, actor_id=admin, source=HERE)


def test_unknown_users_cannot_be_changed(accounts):
    for user_id in (0, -1, 99, 1 << 70):
        with pytest.raises(ResourceNotFound):
            accounts.set_role(user_id, "admin", actor_id=None, source=HERE)
        with pytest.raises(ResourceNotFound):
            accounts.set_disabled(user_id, True, actor_id=None, source=HERE)


@both_databases
def test_users_delete_their_account_with_their_password(database, accounts, factory, alice):
    add_belongings(database, alice)
    secret = factory.issue(alice, "key")
    for password, message in ((None, "This field is required."), ("wrong", "Invalid password.")):
        with pytest.raises(InvalidFields) as caught:
            accounts.delete(alice, current=admit(accounts, "alice", password) if password else None, source=HERE)
        assert caught.value.fields == {"current_password": [message]}
    assert factory.principal(secret)
    accounts.delete(alice, current=admit(accounts, "alice", PASSWORD), source=HERE)
    assert accounts.get(alice) is None
    assert factory.principal(secret) is None
    assert count(database, credentials, identities, oauth_consents, oauth_families) == [0, 0, 0, 0]
    assert accounts.register("alice", PASSWORD, source=HERE).id != alice


def test_deletion_without_a_password(application, accounts, factory, alice, admin):
    accounts.delete(alice, actor_id=admin, source=HERE)
    stranger = factory.add("stranger", password=None)
    accounts.delete(stranger, source=HERE)
    log = [(entry.user_id, entry.actor_id) for entry in application.auth.audit.entries(event=AuditEvent.DELETED)]
    assert log == [(stranger, stranger), (alice, admin)]
    with pytest.raises(ResourceNotFound):
        accounts.delete(alice, actor_id=admin, source=HERE)


@both_databases
def test_a_minute_after_the_deletion_no_personal_data_is_left(database, accounts, alice, admin, clock: MovableClock):
    with pytest.raises(InvalidLogin):
        authenticate(accounts, "alice", "wrong", source=HERE)
    accounts.set_role(alice, "admin", actor_id=admin, source=RequestSource("192.0.2.1", "admin's"))
    accounts.delete(alice, current=admit(accounts, "alice", PASSWORD), source=HERE)
    erased: list[int] = []
    clock.forward(59)
    assert accounts.sweep(erased.append) == 0
    clock.forward(1)
    assert accounts.sweep(erased.append) == 1
    assert accounts.sweep(erased.append) == 0
    assert erased == [alice]
    assert count(database, users) == [1]
    with database.connect() as connection:
        log = connection.execute(select(audit).where(audit.c.user_id == alice).order_by(audit.c.id)).all()
    assert [(entry.event, entry.address, entry.user_agent) for entry in log] == [
        (AuditEvent.SIGN_IN_FAILED, "", ""),
        (AuditEvent.ROLE_CHANGED, "192.0.2.1", "admin's"),
        (AuditEvent.DELETED, "", ""),
    ]


def test_a_failed_erasure_is_retried(accounts, alice, clock):
    def fail(_user_id: int) -> None:
        raise TimeoutError

    accounts.delete(alice, current=admit(accounts, "alice", PASSWORD), source=HERE)
    clock.forward(60)
    with pytest.raises(TimeoutError):
        accounts.sweep(fail)
    assert accounts.sweep(lambda _user_id: None) == 1
