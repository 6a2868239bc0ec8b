"""Applications as administrators register them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from auth.audit import AuditLog
from auth.credentials.secret import digest_of
from auth.errors import InvalidFields, PermissionDenied, ResourceNotFound
from auth.oauth.client import Client, client_errors
from auth.oauth.clients import CLI_CLIENT, Clients
from auth.tables import oauth_clients
from tests.auth.databases import both_databases
from tests.auth.oauth.partner import CALLBACK, HERE
from tests.clock import MovableClock

BY: dict[str, Any] = {"actor_id": 7, "source": HERE}
GOOD: dict[str, Any] = {
    "name": "Partner",
    "redirect_uris": [CALLBACK],
    "scopes": ["classify"],
    "grants": ["authorization_code", "refresh_token"],
    "public": False,
}


@pytest.fixture
def clients(database: Engine, clock: MovableClock) -> Clients:
    return Clients(database, clock, AuditLog(database, clock))


@both_databases
def test_what_was_registered(clients: Clients, database: Engine, clock: MovableClock):
    client, secret = clients.create(**GOOD, uri="https://partner.example/", trusted=True, **BY)
    assert secret
    assert secret.startswith("rlx_")
    assert clients.get(client.id) == client
    assert client == Client(
        id=client.id,
        name="Partner",
        redirect_uris=(CALLBACK,),
        scopes=frozenset({"classify"}),
        grants=frozenset({"authorization_code", "refresh_token"}),
        uri="https://partner.example/",
        is_public=False,
        is_trusted=True,
        created_us=round(clock.now * 1e6),
        secret_digest=digest_of(secret),
    )
    assert secret not in repr(client)
    assert "secret_digest" not in repr(client)
    [entry] = AuditLog(database, clock).entries(event="client.created")
    assert (entry.actor_id, entry.user_id, entry.client_id, entry.detail) == (7, None, client.id, {"name": "Partner"})


def test_its_own_id(clients: Clients):
    client, secret = clients.create(**GOOD | {"public": True}, id="partner.web-1", **BY)
    assert (client.id, secret) == ("partner.web-1", None)
    with pytest.raises(InvalidFields) as raised:
        clients.create(**GOOD, id="partner.web-1", **BY)
    assert raised.value.fields == {"id": ["This id is already in use."]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "17"),
        ("id", "Partner"),
        ("id", "p:artner"),
        ("id", "a" * 65),
        ("id", "ab"),
        ("id", "partner\n"),
        ("name", ""),
        ("name", "  "),
        ("name", "a\nb"),
        ("name", "a" * 101),
        ("name", "\ud800"),
        ("uri", "javascript:alert(1)"),
        ("uri", "partner.example"),
        ("uri", "https://partner.example/" + "x" * 500),
        ("uri", 'https://partner.example/"'),
        ("scopes", frozenset()),
        ("scopes", frozenset({"classify", "nonsense"})),
        ("grants", frozenset()),
        ("grants", frozenset({"password"})),
        ("grants", frozenset({"refresh_token"})),
        ("redirect_uris", ()),
        ("redirect_uris", (CALLBACK, "http://partner.example/")),
        ("redirect_uris", tuple(f"https://partner.example/{number}" for number in range(21))),
    ],
)
def test_what_cannot_be_registered(field: str, value: object):
    assert list(client_errors(replace(CLI_CLIENT, **{field: value}))) == [field]  # type: ignore[arg-type]


def test_what_is_wrong_is_not_kept(clients: Clients):
    with pytest.raises(InvalidFields) as raised:
        clients.create(**GOOD | {"name": "", "scopes": ["nonsense"]}, id="partner", **BY)
    assert raised.value.fields == {
        "name": ["1 to 100 printable characters."],
        "scopes": ["One or more of admin, classify, history:read, history:write, openid, profile."],
    }
    assert clients.get("partner") is None
    client, _ = clients.create(**GOOD, **BY)
    with pytest.raises(InvalidFields):
        clients.update(client.id, name="", **BY)
    assert clients.get(client.id) == client


def test_a_public_one_cannot_act_on_its_own(clients: Clients):
    with pytest.raises(InvalidFields, match="client_credentials requires a secret"):
        clients.create(**GOOD | {"public": True, "grants": ["client_credentials"]}, **BY)


def test_a_change(clients: Clients, database: Engine, clock: MovableClock):
    client, secret = clients.create(**GOOD, **BY)
    changed = clients.update(client.id, name="Other", scopes=["profile"], disabled=True, **BY)
    assert (changed.name, changed.is_disabled) == ("Other", True)
    assert changed.scopes == {"profile"}
    assert clients.get(client.id) == changed
    assert clients.authenticate(client.id, secret) is None
    clients.update(client.id, disabled=False, **BY)
    assert clients.authenticate(client.id, secret)
    first = AuditLog(database, clock).entries(event="client.changed")[-1]
    assert (first.actor_id, first.detail) == (7, {"fields": ["is_disabled", "name", "scopes"]})


def test_a_new_secret(clients: Clients):
    client, old = clients.create(**GOOD, **BY)
    new = clients.rotate_secret(client.id, **BY)
    assert clients.authenticate(client.id, new)
    assert clients.authenticate(client.id, old) is None
    with pytest.raises(PermissionDenied):
        clients.rotate_secret(CLI_CLIENT.id, **BY)


def test_a_deletion(clients: Clients, database: Engine, clock: MovableClock):
    client, _ = clients.create(**GOOD, **BY)
    clients.delete(client.id, **BY)
    assert clients.get(client.id) is None
    [entry] = AuditLog(database, clock).entries(event="client.deleted")
    assert (entry.client_id, entry.detail) == (client.id, {"name": "Partner"})


def test_one_that_is_not_there(clients: Clients):
    assert clients.get("nobody") is None
    for change in (clients.update, clients.rotate_secret, clients.delete):
        with pytest.raises(ResourceNotFound):
            change("nobody", **BY)


@both_databases
def test_a_name_with_a_space_after_it_is_another(clients: Clients):
    """MariaDB compares without them."""
    client, secret = clients.create(**GOOD, **BY)
    assert clients.get(f"{client.id} ") is None
    assert clients.authenticate(f"{client.id} ", secret) is None


def test_the_command_line_is_always_there(clients: Clients, database: Engine):
    assert [client.id for client in clients.list()] == ["raylens-cli"]
    client = clients.get("raylens-cli")
    assert client
    assert client.is_public
    assert client.is_trusted
    assert client.scopes == {"classify", "history:read", "history:write", "profile", "openid", "admin"}
    assert client.grants == {"authorization_code", "refresh_token"}
    with pytest.raises(PermissionDenied):
        clients.delete(client.id, **BY)
    assert clients.update(client.id, disabled=True, **BY).is_disabled
    assert clients.list() == [clients.get("raylens-cli")], "what was changed stays"


@both_databases
def test_replicas_that_need_the_command_line_at_once(database: Engine, clock: MovableClock):
    start = threading.Barrier(4, timeout=60)

    def get(clients: Clients) -> Client | None:
        start.wait()
        return clients.get("raylens-cli")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(get, [Clients(database, clock, AuditLog(database, clock)) for _ in range(4)]))
    assert all(client and client.is_trusted for client in found)
    with database.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(oauth_clients)) == 1


def test_the_list_is_by_name(clients: Clients):
    for name in ("Zebra", "Ant"):
        clients.create(**GOOD | {"name": name}, **BY)
    assert [client.name for client in clients.list()] == ["Ant", "Raylens command line", "Zebra"]
