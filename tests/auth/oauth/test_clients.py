"""Registration and management of clients."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from auth.audit import AuditLog
from auth.credentials.secret import digest_of
from auth.errors import InvalidFields, PermissionDenied, ResourceNotFound
from auth.oauth.client import Client, client_errors
from auth.oauth.clients import CLI_CLIENT, Clients
from auth.tables import oauth_clients
from tests.auth.databases import both_databases
from tests.auth.oauth.partner import CALLBACK, SOURCE
from tests.clock import MovableClock

ACTOR: dict[str, Any] = {"actor_id": 7, "source": SOURCE}
FIELDS: dict[str, Any] = {
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
def test_registration(clients: Clients, database: Engine, clock: MovableClock):
    client, secret = clients.create(**FIELDS, uri="https://partner.example/", trusted=True, **ACTOR)
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


def test_a_chosen_id(clients: Clients):
    client, secret = clients.create(**FIELDS | {"public": True}, id="partner.web-1", **ACTOR)
    assert (client.id, secret) == ("partner.web-1", None)
    with pytest.raises(InvalidFields) as raised:
        clients.create(**FIELDS, id="partner.web-1", **ACTOR)
    assert raised.value.fields == {"id": ["This id is already in use."]}


INVALID: list[tuple[str, Any]] = [
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
    ("name", "\u3164"),
    ("name", "\u2800"),
    ("name", "Album\u202egpj"),
    ("name", "Al\u200bbum"),
    ("name", "Z" + "\u0300" * 9),
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
]


def test_invalid_fields():
    for field, value in INVALID:
        assert list(client_errors(replace(CLI_CLIENT, **{field: value}))) == [field], value


def test_only_a_trusted_application_has_the_name_of_raylens(clients: Clients):
    imitations = ["Raylens CLI", "rayIens", "Rаylеns app", "R a y-l.e n s", "ＲＡＹＬＥＮＳ", "The Raylens™ tool"]
    for name in imitations:
        with pytest.raises(InvalidFields, match="trusted"):
            clients.create(**FIELDS | {"name": name}, **ACTOR)
    clients.create(**FIELDS | {"name": "Raylens kiosk"}, trusted=True, **ACTOR)
    client, _ = clients.create(**FIELDS | {"name": "Ray lends"}, **ACTOR)
    with pytest.raises(InvalidFields, match="trusted"):
        clients.update(client.id, name="Raylens", **ACTOR)


def test_an_older_name_does_not_prevent_other_changes(clients: Clients, database: Engine):
    client, _ = clients.create(**FIELDS, **ACTOR)
    with database.begin() as connection:
        connection.execute(update(oauth_clients).values(name="Raylens partner"))
    assert clients.update(client.id, disabled=True, **ACTOR).is_disabled


def test_an_invalid_client_is_not_stored(clients: Clients):
    with pytest.raises(InvalidFields) as raised:
        clients.create(**FIELDS | {"name": "", "scopes": ["nonsense"]}, id="partner", **ACTOR)
    assert raised.value.fields == {
        "name": ["1 to 100 printable characters."],
        "scopes": ["One or more of admin, classify, history:read, history:write, openid, profile."],
    }
    assert clients.get("partner") is None
    client, _ = clients.create(**FIELDS, **ACTOR)
    with pytest.raises(InvalidFields):
        clients.update(client.id, name="", **ACTOR)
    assert clients.get(client.id) == client


def test_a_public_client_cannot_use_client_credentials(clients: Clients):
    with pytest.raises(InvalidFields, match="client_credentials requires a secret"):
        clients.create(**FIELDS | {"public": True, "grants": ["client_credentials"]}, **ACTOR)


def test_an_update(clients: Clients, database: Engine, clock: MovableClock):
    client, secret = clients.create(**FIELDS, **ACTOR)
    changed = clients.update(client.id, name="Other", scopes=["profile"], disabled=True, **ACTOR)
    assert (changed.name, changed.is_disabled) == ("Other", True)
    assert changed.scopes == {"profile"}
    assert clients.get(client.id) == changed
    assert clients.authenticate(client.id, secret) is None
    clients.update(client.id, disabled=False, **ACTOR)
    assert clients.authenticate(client.id, secret)
    first = AuditLog(database, clock).entries(event="client.changed")[-1]
    assert (first.actor_id, first.detail) == (7, {"fields": ["is_disabled", "name", "scopes"]})


def test_secret_rotation(clients: Clients):
    client, old = clients.create(**FIELDS, **ACTOR)
    new = clients.rotate_secret(client.id, **ACTOR)
    assert clients.authenticate(client.id, new)
    assert clients.authenticate(client.id, old) is None
    with pytest.raises(PermissionDenied):
        clients.rotate_secret(CLI_CLIENT.id, **ACTOR)


def test_a_deletion(clients: Clients, database: Engine, clock: MovableClock):
    client, _ = clients.create(**FIELDS, **ACTOR)
    clients.delete(client.id, **ACTOR)
    assert clients.get(client.id) is None
    [entry] = AuditLog(database, clock).entries(event="client.deleted")
    assert (entry.client_id, entry.detail) == (client.id, {"name": "Partner"})


def test_an_unknown_client(clients: Clients):
    assert clients.get("nobody") is None
    for change in (clients.update, clients.rotate_secret, clients.delete):
        with pytest.raises(ResourceNotFound):
            change("nobody", **ACTOR)


@both_databases
def test_trailing_spaces_in_an_id(clients: Clients):
    """MariaDB ignores them in comparisons."""
    client, secret = clients.create(**FIELDS, **ACTOR)
    assert clients.get(f"{client.id} ") is None
    assert clients.authenticate(f"{client.id} ", secret) is None


def test_the_command_line_is_registered_automatically(clients: Clients, database: Engine):
    assert [client.id for client in clients.list()] == ["raylens-cli"]
    client = clients.get("raylens-cli")
    assert client
    assert client.is_public
    assert client.is_trusted
    assert client.scopes == {"classify", "history:read", "history:write", "profile", "openid", "admin"}
    assert client.grants == {"authorization_code", "refresh_token"}
    with pytest.raises(PermissionDenied):
        clients.delete(client.id, **ACTOR)
    assert clients.update(client.id, disabled=True, **ACTOR).is_disabled
    assert clients.list() == [clients.get("raylens-cli")], "changes are kept"


@both_databases
def test_concurrent_replicas_register_the_command_line_once(database: Engine, clock: MovableClock):
    start = threading.Barrier(4, timeout=60)

    def get(clients: Clients) -> Client | None:
        start.wait()
        return clients.get("raylens-cli")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(get, [Clients(database, clock, AuditLog(database, clock)) for _ in range(4)]))
    assert all(client and client.is_trusted for client in found)
    with database.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(oauth_clients)) == 1


def test_the_list_is_sorted_by_name(clients: Clients):
    for name in ("Zebra", "Ant"):
        clients.create(**FIELDS | {"name": name}, **ACTOR)
    assert [client.name for client in clients.list()] == ["Ant", "Raylens command line", "Zebra"]
