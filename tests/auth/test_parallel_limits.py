"""Limits hold when twenty requests reach them at once, on SQLite and on MariaDB.

Each limit is tested one short of its maximum with the replicas of a service, which share nothing but the database.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select

from auth.audit import RequestSource
from auth.credentials import store
from auth.credentials.api_keys import MAX_API_KEYS
from auth.errors import InvalidFields, PermissionDenied
from auth.external import identities
from auth.external.claims import UserClaims
from auth.external.providers import Provider
from auth.oauth import clients, devices, token_families
from auth.oauth.device_assertion import DeviceAssertion
from auth.service import Auth
from auth.tables import credentials, oauth_clients, oauth_families, users
from auth.tables import identities as linked_accounts
from tests.auth.application import PASSWORD, Application, create
from tests.auth.databases import both_databases
from tests.auth.user_factory import UserFactory

pytestmark = both_databases

REQUESTS = 20
HERE = RequestSource("203.0.113.7", "test")
GITHUB = Provider(name="github", kind="github", client_id="id", client_secret="secret")

Parallel = Callable[[Callable[[Auth, int], object]], list[object]]


@pytest.fixture
def parallel(application: Application, database: Engine) -> Parallel:
    """Runs a function twenty times at once, on four replicas; returns the results, or the errors of the limit."""
    with ExitStack() as opened:  # connections that are opened later delay some of the requests
        for _ in range(5):
            opened.enter_context(database.connect())
    event.listen(database, "after_cursor_execute", Meeting())
    replicas = [create(database, application.clock, providers=(GITHUB,)).auth for _ in range(4)]
    start = threading.Barrier(REQUESTS, timeout=60)

    def run(work: Callable[[Auth, int], object]) -> list[object]:
        def one(number: int) -> object:
            start.wait()
            try:
                return work(replicas[number % len(replicas)], number)
            except (PermissionDenied, InvalidFields) as error:
                return error

        with ThreadPoolExecutor(REQUESTS) as threads:
            return list(threads.map(one, range(REQUESTS)))

    return run


class Meeting:
    """Lets transactions read at the same time before they write, on machines with few cores, too."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(5)

    def __call__(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        """After each statement. Transactions that wait for each other cannot meet, so they are not waited for again."""
        if statement.startswith("SELECT"):
            with suppress(threading.BrokenBarrierError):
                self._barrier.wait(0.3)
            time.sleep(0.01)


def count(database: Engine, table: Any, *conditions: Any) -> int:
    with database.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


def succeeded(outcomes: list[object]) -> list[object]:
    return [outcome for outcome in outcomes if not isinstance(outcome, Exception)]


@pytest.fixture
def alice(factory: UserFactory) -> int:
    return factory.add("alice")


def test_api_keys(parallel: Parallel, factory: UserFactory, database: Engine, alice: int):
    for _ in range(MAX_API_KEYS - 3):
        factory.issue(alice, "key")

    def add(auth: Auth, number: int) -> object:
        user = auth.accounts.get(alice)
        assert user
        return auth.keys.create(user, f"key {number}", frozenset({"classify"}), None, source=HERE)

    assert len(succeeded(parallel(add))) == 3
    assert count(database, credentials) == MAX_API_KEYS


def test_sessions_and_tokens(
    parallel: Parallel, factory: UserFactory, database: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store, "MAX_SIGN_INS", 5)
    bob = factory.add("bob")
    newest = succeeded(parallel(lambda auth, _: auth.sessions.begin(bob, replaces=None, source=HERE)))
    assert len(newest) == REQUESTS
    assert count(database, credentials) == 5


def test_linked_accounts(parallel: Parallel, database: Engine, alice: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(identities, "MAX_IDENTITIES", 3)

    def link(auth: Auth, number: int) -> object:
        claims = UserClaims("https://github.com", str(number), "", "")
        auth.external.account_linking.link(alice, GITHUB, claims, source=HERE)
        return "linked"

    assert len(succeeded(parallel(link))) == 3
    assert count(database, linked_accounts) == 3


def test_applications(parallel: Parallel, database: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clients, "MAX_CLIENTS", 4)

    def register(auth: Auth, number: int) -> object:
        fields: dict[str, Any] = {
            "redirect_uris": ["https://a.example/"],
            "scopes": ["classify"],
            "grants": ["authorization_code"],
        }
        return auth.clients.create(f"app {number}", **fields, public=True, actor_id=None, source=HERE)

    assert len(succeeded(parallel(register))) == 3, "the command line is the fourth"
    assert count(database, oauth_clients) == 4


def test_devices(parallel: Parallel, application: Application, alice: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(devices, "MAX_DEVICES", 3)
    application.auth.clients.get("raylens-cli")

    def add(auth: Auth, number: int) -> object:
        assertion = DeviceAssertion(bytes([number]) * 32, f"device {number}")
        return auth.grants.add_device(alice, "raylens-cli", frozenset({"classify"}), assertion, source=HERE)

    assert len(succeeded(parallel(add))) == REQUESTS
    assert len(application.auth.grants.devices.list(alice)) == 3


def test_one_device_is_added_once(parallel: Parallel, application: Application, alice: int):
    application.auth.clients.get("raylens-cli")
    same = DeviceAssertion(bytes(32), "laptop")

    def add(auth: Auth, number: int) -> object:
        scopes = frozenset({"classify" if number % 2 else "profile"})
        return auth.grants.add_device(alice, "raylens-cli", scopes, same, source=HERE)

    assert len(set(parallel(add))) == 1
    [device] = application.auth.grants.devices.list(alice)
    assert device.scopes == {"classify", "profile"}


def test_tokens_of_an_application(
    parallel: Parallel, application: Application, database: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(token_families, "MAX_CLIENT_FAMILIES", 5)
    fields: dict[str, Any] = {"redirect_uris": [], "scopes": ["classify"], "grants": ["client_credentials"]}
    client, _ = application.auth.clients.create("batch", **fields, public=False, actor_id=None, source=HERE)
    issued = parallel(lambda auth, _: auth.grants.issue_client_token(client, frozenset({"classify"})))
    assert len(succeeded(issued)) == REQUESTS
    assert count(database, oauth_families, oauth_families.c.revoked_us.is_(None)) == 5


def test_names_that_look_the_same(parallel: Parallel, database: Engine):
    names = ["marnie", "mamie", "Marnie", "Mamie", "rnarnie"]
    outcomes = parallel(
        lambda auth, number: auth.accounts.register(names[number % 5], PASSWORD, source=RequestSource(str(number)))
    )
    assert len(succeeded(outcomes)) == 1
    assert count(database, users) == 1
    messages = {str(outcome) for outcome in outcomes if isinstance(outcome, InvalidFields)}
    assert messages <= {
        "username: A user with that username already exists.",
        "username: This username looks like that of another user.",
    }


def test_admins_who_remove_each_other(parallel: Parallel, factory: UserFactory, database: Engine):
    admins = [factory.add(f"admin-{number}", role="admin") for number in range(REQUESTS)]

    def remove(auth: Auth, number: int) -> object:
        victim, actor = admins[number], admins[number - 1]
        if number % 3 == 0:
            return auth.accounts.set_role(victim, "user", actor_id=actor, source=HERE)
        if number % 3 == 1:
            return auth.accounts.set_disabled(victim, True, actor_id=actor, source=HERE)
        auth.accounts.delete(victim, actor_id=actor, source=HERE)
        return "deleted"

    assert len(succeeded(parallel(remove))) == REQUESTS - 1
    active = (users.c.disabled_us.is_(None), users.c.deleted_us.is_(None))
    assert count(database, users, users.c.role == "admin", *active) == 1


def test_changes_of_one_application_are_all_kept(parallel: Parallel, application: Application):
    fields: dict[str, Any] = {
        "redirect_uris": ["https://a.example/"],
        "scopes": ["classify"],
        "grants": ["authorization_code"],
    }
    client, _ = application.auth.clients.create("Album", **fields, public=False, actor_id=None, source=HERE)
    secrets: list[str] = []

    def change(auth: Auth, number: int) -> object:
        actor: dict[str, Any] = {"actor_id": None, "source": HERE}
        if number == 0:
            return auth.clients.update(client.id, disabled=True, **actor)
        if number == 1:
            secrets.append(auth.clients.rotate_secret(client.id, **actor))
            return "rotated"
        return auth.clients.update(client.id, name=f"Album {number}", **actor)

    assert len(succeeded(parallel(change))) == REQUESTS
    changed = application.auth.clients.get(client.id)
    assert changed
    assert changed.is_disabled
    application.auth.clients.update(client.id, disabled=False, actor_id=None, source=HERE)
    assert application.auth.clients.authenticate(client.id, secrets[0])
