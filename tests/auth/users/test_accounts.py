"""Accounts: made, changed, closed; on SQLite and on MariaDB."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import median

import pytest
from sqlalchemy import Engine, select, update

from auth.audit import AuditEvent, RequestSource
from auth.database import write
from auth.errors import InvalidFields, InvalidLogin, PermissionDenied, ResourceNotFound
from auth.principal import User
from auth.tables import users
from auth.users.accounts import AccountService
from tests.auth.application import Application, create
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

HERE = RequestSource("203.0.113.7", "test")
PASSWORD = "plum kettle orbit canyon"
OTHER = "a heron over the wet meadow"


@pytest.fixture
def accounts(application: Application) -> AccountService:
    return application.auth.accounts


def vouched_for(accounts: AccountService, engine: Engine, username: str, email: str) -> User:
    return write(engine, lambda c: accounts.add_without_password(c, username, email, source=HERE))


def events_of(application: Application, user_id: int) -> list[str]:
    return [entry.event for entry in application.auth.audit.entries(user_id=user_id)]


def test_who_registers_can_sign_in(application, accounts):
    user = accounts.register("Alice", PASSWORD, "alice@Example.ORG", source=HERE)
    assert (user.username, user.email, user.role, user.has_password) == ("Alice", "alice@example.org", "user", True)
    assert accounts.authenticate("aLICE", PASSWORD, source=HERE) == user
    assert accounts.get(user.id) == user
    assert events_of(application, user.id) == [AuditEvent.SIGNED_IN, AuditEvent.REGISTERED]


@pytest.mark.parametrize("name", ["alice", "ALICE", "ａｌｉｃｅ", " alice "])
def test_a_name_is_taken_however_it_is_written(accounts, name):
    accounts.register("Alice", PASSWORD, source=HERE)
    with pytest.raises(InvalidFields) as caught:
        accounts.register(name, OTHER, source=HERE)
    assert caught.value.fields == {"username": ["A user with that username already exists."]}


def test_of_two_who_register_one_name_at_once_one_gets_it(accounts):
    def register(name):
        try:
            return accounts.register(name, PASSWORD, source=HERE).username
        except InvalidFields as error:
            return error.fields["username"][0]

    with ThreadPoolExecutor(4) as threads:
        outcomes = sorted(threads.map(register, ["carol", "CAROL", "Carol", "cARol"]))
    assert outcomes.count("A user with that username already exists.") == 3


def test_where_registration_is_closed_admins_are_still_made(engine: Engine, clock: MovableClock):
    accounts = create(engine, clock, registration=False).auth.accounts
    with pytest.raises(PermissionDenied):
        accounts.register("alice", PASSWORD, source=HERE)
    assert accounts.create_admin("root", PASSWORD).role == "admin"


def test_all_wrong_fields_are_told_at_once(accounts):
    with pytest.raises(InvalidFields) as caught:
        accounts.register("a b", "short", "nowhere", source=HERE)
    assert set(caught.value.fields) == {"username", "email"}


@pytest.mark.parametrize(
    ("name", "password"), [("alice", OTHER), ("nobody", PASSWORD), ("", PASSWORD), ("a\ud800", ""), ("alice\0", "")]
)
def test_who_is_wrong_does_not_get_in(accounts, name, password):
    accounts.register("alice", PASSWORD, source=HERE)
    with pytest.raises(InvalidLogin, match=r"^Unable to log in with provided credentials\.$"):
        accounts.authenticate(name, password, source=HERE)


def test_a_failed_sign_in_is_logged_without_the_name_of_nobody(application, accounts):
    user = accounts.register("alice", PASSWORD, source=HERE)
    for name in ("alice", "my-password-by-mistake"):
        with pytest.raises(InvalidLogin):
            accounts.authenticate(name, OTHER, source=HERE)
    log = application.auth.audit.entries(event=AuditEvent.SIGN_IN_FAILED)
    assert [(entry.user_id, entry.detail, entry.address) for entry in log] == [
        (None, {}, HERE.address),
        (user.id, {}, HERE.address),
    ]


def test_a_wrong_password_takes_as_long_as_a_name_of_nobody(sqlite_engine: Engine, clock: MovableClock):
    """Medians of many, asked in turn, with all that is written down."""
    accounts = create(sqlite_engine, clock).auth.accounts
    accounts.register("alice", PASSWORD, source=HERE)
    took: dict[str, list[float]] = {"alice": [], "nobody": []}
    for turn in range(40):
        clock.forward(3600)
        for name in sorted(took, reverse=bool(turn % 2)):
            begun = time.perf_counter()
            with pytest.raises(InvalidLogin):
                accounts.authenticate(name, OTHER, source=HERE)
            took[name].append(time.perf_counter() - begun)
    assert median(took["alice"]) == pytest.approx(median(took["nobody"]), rel=0.1)


def test_who_has_no_password_signs_in_elsewhere(engine, accounts):
    user = vouched_for(accounts, engine, "bob", "bob@example.org")
    assert not user.has_password
    for password in ("", "None", PASSWORD):
        with pytest.raises(InvalidLogin):
            accounts.authenticate("bob", password, source=HERE)


def test_a_name_from_elsewhere_is_made_valid_and_unique(engine, accounts):
    names = [vouched_for(accounts, engine, "Bob Ross!", "x").username for _ in range(3)]
    assert names[0] == "Bob-Ross"
    assert len(set(names)) == 3
    assert all(name.startswith("Bob-Ross-") for name in names[1:])
    assert vouched_for(accounts, engine, "", "no address").email == ""


def test_a_password_of_old_parameters_is_hashed_anew(engine, accounts):
    from argon2 import PasswordHasher

    user = accounts.register("alice", PASSWORD, source=HERE)
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with engine.begin() as connection:
        connection.execute(update(users).values(password=old))
    assert accounts.authenticate("alice", PASSWORD, source=HERE).id == user.id
    with engine.connect() as connection:
        assert "m=19456,t=2,p=1" in str(connection.scalar(select(users.c.password)))
    assert accounts.authenticate("alice", PASSWORD, source=HERE).id == user.id


def test_a_changed_password_ends_what_came_of_the_old_one(application, accounts, factory: UserFactory):
    user = accounts.register("alice", PASSWORD, source=HERE)
    secrets = {kind: factory.issue(user.id, kind) for kind in ("session", "token", "key")}
    kept = factory.issue(user.id, "token")
    holder = factory.principal(kept)
    assert holder
    accounts.change_password(user.id, PASSWORD, OTHER, keep_id=holder.credential_id, source=HERE)
    assert [kind for kind, secret in secrets.items() if factory.principal(secret)] == ["key"]
    assert factory.principal(kept)
    with pytest.raises(InvalidLogin):
        accounts.authenticate("alice", PASSWORD, source=HERE)
    assert accounts.authenticate("alice", OTHER, source=HERE).id == user.id
    assert AuditEvent.PASSWORD_CHANGED in events_of(application, user.id)


@pytest.mark.parametrize(
    ("current", "new", "fields"),
    [
        (OTHER, "short", {"current_password": ["Invalid password."]}),
        (None, OTHER, {"current_password": ["This field is required."]}),
        (PASSWORD, "alice-alice-2026", {"new_password": ["The password is too similar to the username."]}),
    ],
)
def test_a_password_is_changed_only_for_a_good_one_by_who_knows_it(accounts, current, new, fields):
    user = accounts.register("alice", PASSWORD, source=HERE)
    with pytest.raises(InvalidFields) as caught:
        accounts.change_password(user.id, current, new, keep_id=None, source=HERE)
    assert caught.value.fields == fields
    assert accounts.authenticate("alice", PASSWORD, source=HERE)


def test_who_has_no_password_may_set_one(engine, accounts):
    user = vouched_for(accounts, engine, "bob", "")
    accounts.change_password(user.id, None, PASSWORD, keep_id=None, source=HERE)
    assert replace(user, has_password=True) == accounts.authenticate("bob", PASSWORD, source=HERE)


def test_a_profile_is_changed_and_the_log_tells_what_not_to_what(application, accounts):
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


def test_what_is_not_there_cannot_be_changed(accounts):
    for user_id in (1, 0, -1, 1 << 70):
        assert accounts.get(user_id) is None
        with pytest.raises(ResourceNotFound):
            accounts.update(user_id, email="", source=HERE)
        with pytest.raises(ResourceNotFound):
            accounts.delete(user_id, source=HERE)
