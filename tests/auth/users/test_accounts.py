"""Accounts: registration, sign-in, changes of passwords and profiles."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event, select, update

from auth.audit import AuditEvent, RequestSource
from auth.database import write
from auth.errors import InvalidFields, InvalidLogin, PermissionDenied, ResourceNotFound
from auth.passwords.hashing import Passwords
from auth.principal import User
from auth.tables import users
from auth.users.accounts import AccountService
from tests.auth.application import PASSWORD, Application, admit, authenticate, create
from tests.auth.databases import both_databases
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

HERE = RequestSource("203.0.113.7", "test")
OTHER = "a heron over the wet meadow"


@pytest.fixture
def accounts(application: Application) -> AccountService:
    return application.auth.accounts


def add_without_password(accounts: AccountService, database: Engine, username: str, email: str) -> User:
    return write(database, lambda c: accounts.add_without_password(c, username, email, source=HERE))


def events_of(application: Application, user_id: int) -> list[str]:
    return [entry.event for entry in application.auth.audit.entries(user_id=user_id)]


def test_a_registered_user_can_sign_in(application, accounts):
    user = accounts.register("Alice", PASSWORD, "alice@Example.ORG", source=HERE)
    assert (user.username, user.email, user.role, user.has_password) == ("Alice", "alice@example.org", "user", True)
    assert authenticate(accounts, "aLICE", PASSWORD, source=HERE) == user
    assert accounts.get(user.id) == user
    assert events_of(application, user.id) == [AuditEvent.SIGNED_IN, AuditEvent.REGISTERED]


@both_databases
def test_a_name_is_taken_in_any_spelling(accounts, subtests: pytest.Subtests):
    accounts.register("Alice", PASSWORD, source=HERE)
    for name in ("alice", "ALICE", "ａｌｉｃｅ", " alice "):
        with subtests.test(name), pytest.raises(InvalidFields) as caught:
            accounts.register(name, OTHER, source=HERE)
        assert caught.value.fields == {"username": ["A user with that username already exists."]}


@both_databases
def test_of_concurrent_registrations_of_one_name_one_succeeds(accounts):
    def register(name):
        try:
            return accounts.register(name, PASSWORD, source=HERE).username
        except InvalidFields as error:
            return error.fields["username"][0]

    with ThreadPoolExecutor(4) as threads:
        outcomes = sorted(threads.map(register, ["carol", "CAROL", "Carol", "cARol"]))
    assert outcomes.count("A user with that username already exists.") == 3


def test_admins_are_created_while_registration_is_closed(database: Engine, clock: MovableClock):
    accounts = create(database, clock, registration=False).auth.accounts
    with pytest.raises(PermissionDenied):
        accounts.register("alice", PASSWORD, source=HERE)
    assert accounts.create_admin("root", PASSWORD).role == "admin"


def test_all_invalid_fields_are_reported_together(accounts):
    with pytest.raises(InvalidFields) as caught:
        accounts.register("a b", "short", "nowhere", source=HERE)
    assert set(caught.value.fields) == {"username", "email"}


def test_wrong_credentials_are_rejected(accounts, subtests: pytest.Subtests):
    accounts.register("alice", PASSWORD, source=HERE)
    for name, password in (("alice", OTHER), ("nobody", PASSWORD), ("", PASSWORD), ("a\ud800", ""), ("alice\0", "")):
        with (
            subtests.test(name=ascii(name), password=password),
            pytest.raises(InvalidLogin, match=r"^Unable to log in with provided credentials\.$"),
        ):
            authenticate(accounts, name, password, source=HERE)


def test_a_failed_sign_in_is_logged_without_unknown_names(application, accounts):
    user = accounts.register("alice", PASSWORD, source=HERE)
    for name in ("alice", "my-password-by-mistake"):
        with pytest.raises(InvalidLogin):
            authenticate(accounts, name, OTHER, source=HERE)
    log = application.auth.audit.entries(event=AuditEvent.SIGN_IN_FAILED)
    assert [(entry.user_id, entry.detail, entry.address) for entry in log] == [
        (None, {}, HERE.address),
        (user.id, {}, HERE.address),
    ]


def test_a_failed_sign_in_without_a_record_writes_nothing(application, accounts, database: Engine):
    """Apart from the count of the attempt, which is in a transaction before."""
    attempts = [admit(accounts, f"user{number}", OTHER, f"192.0.2.{number}") for number in range(103)]
    writes: list[object] = []
    event.listen(database, "commit", writes.append)
    for number, attempt in enumerate(attempts):
        with pytest.raises(InvalidLogin):
            accounts.authenticate(f"user{number}", attempt, lambda *_: None, source=HERE)
    assert len(writes) == len(application.auth.audit.entries(limit=1000)) == 100
    assert application.auth.event_counts()[AuditEvent.SIGN_IN_FAILED] == 103


def test_an_unknown_name_costs_the_same_work_as_a_wrong_password(database: Engine, accounts, monkeypatch):
    """Or the time would reveal which names exist."""
    accounts.register("alice", PASSWORD, source=HERE)
    work: list[str] = []
    event.listen(database, "before_cursor_execute", lambda *arguments: work.append(arguments[2]))
    matches = Passwords.matches

    def counted(self: Passwords, stored: str | None, password: str) -> bool:
        work.append("verify the password")
        return matches(self, stored, password)

    monkeypatch.setattr(Passwords, "matches", counted)
    done = {}
    for name, address in (("alice", "192.0.2.1"), ("nobody", "192.0.2.2")):
        work.clear()
        with pytest.raises(InvalidLogin):
            authenticate(accounts, name, OTHER, source=RequestSource(address))
        done[name] = list(work)
    assert "verify the password" in done["alice"]
    assert done["nobody"] == done["alice"]


def test_a_user_without_a_password_cannot_sign_in_with_one(database, accounts):
    user = add_without_password(accounts, database, "bob", "bob@example.org")
    assert not user.has_password
    for password in ("", "None", PASSWORD):
        with pytest.raises(InvalidLogin):
            authenticate(accounts, "bob", password, source=HERE)


def test_names_from_providers_are_made_valid_and_unique(database, accounts):
    names = [add_without_password(accounts, database, "Bob Ross!", "x").username for _ in range(3)]
    assert names[0] == "Bob-Ross"
    assert len(set(names)) == 3
    assert all(name.startswith("Bob-Ross-") for name in names[1:])
    assert add_without_password(accounts, database, "", "no address").email == ""


def test_a_hash_with_old_parameters_is_replaced_at_sign_in(database, accounts):
    from argon2 import PasswordHasher

    user = accounts.register("alice", PASSWORD, source=HERE)
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    with database.begin() as connection:
        connection.execute(update(users).values(password=old))
    assert authenticate(accounts, "alice", PASSWORD, source=HERE).id == user.id
    with database.connect() as connection:
        assert "m=8,t=1,p=1" in str(connection.scalar(select(users.c.password)))
    assert authenticate(accounts, "alice", PASSWORD, source=HERE).id == user.id


@both_databases
def test_a_password_change_revokes_sessions_and_tokens(application, accounts, factory: UserFactory):
    user = accounts.register("alice", PASSWORD, source=HERE)
    secrets = {kind: factory.issue(user.id, kind) for kind in ("session", "token", "key")}
    kept = factory.issue(user.id, "token")
    holder = factory.principal(kept)
    assert holder
    current = admit(accounts, "alice", PASSWORD)
    accounts.change_password(user.id, current, OTHER, keep_id=holder.credential_id, source=HERE)
    assert [kind for kind, secret in secrets.items() if factory.principal(secret)] == ["key"]
    assert factory.principal(kept)
    with pytest.raises(InvalidLogin):
        authenticate(accounts, "alice", PASSWORD, source=HERE)
    assert authenticate(accounts, "alice", OTHER, source=HERE).id == user.id
    assert AuditEvent.PASSWORD_CHANGED in events_of(application, user.id)


def test_a_password_change_needs_the_current_and_a_strong_new_one(accounts, subtests: pytest.Subtests):
    user = accounts.register("alice", PASSWORD, source=HERE)
    for current, new, fields in (
        (OTHER, "short", {"current_password": ["Invalid password."]}),
        (None, OTHER, {"current_password": ["This field is required."]}),
        (PASSWORD, "alice-alice-2026", {"new_password": ["The password is too similar to the username."]}),
    ):
        attempt = admit(accounts, "alice", current) if current else None
        with subtests.test(current=current, new=new), pytest.raises(InvalidFields) as caught:
            accounts.change_password(user.id, attempt, new, keep_id=None, source=HERE)
        assert caught.value.fields == fields
    assert authenticate(accounts, "alice", PASSWORD, source=HERE)


def test_a_user_without_a_password_may_set_one(database, accounts):
    user = add_without_password(accounts, database, "bob", "")
    accounts.change_password(user.id, None, PASSWORD, keep_id=None, source=HERE)
    assert replace(user, has_password=True) == authenticate(accounts, "bob", PASSWORD, source=HERE)


@both_databases
def test_profile_changes_are_logged_without_their_values(application, accounts):
    user = accounts.register("alice", PASSWORD, source=HERE)
    accounts.register("bob", PASSWORD, source=HERE)
    changed = accounts.update(user.id, username="Alicia", email="a@example.org", source=HERE)
    assert (changed.username, changed.email) == ("Alicia", "a@example.org")
    accounts.update(user.id, email="a@example.org", source=HERE)
    assert accounts.update(user.id, username="ALICIA", source=HERE).username == "ALICIA"
    for wrong in ({"username": "BOB"}, {"username": ""}, {"email": "x"}):
        with pytest.raises(InvalidFields) as caught:
            accounts.update(user.id, **wrong, source=HERE)
        assert list(caught.value.fields) == list(wrong)
    log = [e.detail for e in application.auth.audit.entries(event=AuditEvent.PROFILE_CHANGED)]
    assert log == [{"fields": ["username"]}, {"fields": ["email", "username"]}]


@both_databases
def test_unknown_users_cannot_be_changed(accounts):
    for user_id in (1, 0, -1, 1 << 70):
        assert accounts.get(user_id) is None
        with pytest.raises(ResourceNotFound):
            accounts.update(user_id, email="", source=HERE)
        with pytest.raises(ResourceNotFound):
            accounts.delete(user_id, source=HERE)
