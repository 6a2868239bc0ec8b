"""Registered clients, managed by administrators."""

import contextlib
import secrets
from collections.abc import Collection, Iterable
from dataclasses import replace
from hmac import compare_digest
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.lifetimes import to_microseconds
from auth.credentials.secret import Prefix, digest_of, new_secret
from auth.database import write
from auth.errors import InvalidFields, PermissionDenied, ResourceNotFound
from auth.oauth.client import AUTHORIZATION_CODE, REFRESH_TOKEN, Client, client_errors
from auth.oauth.redirect_uris import origins_of
from auth.principal import ALL_SCOPES, parse_scopes, render_scopes
from auth.settings import TimeSource
from auth.tables import oauth_clients, oauth_consents

CLI_CLIENT: Final = Client(
    id="raylens-cli",
    name="Raylens command line",
    redirect_uris=("http://127.0.0.1/callback",),
    scopes=ALL_SCOPES,
    grants=frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN}),
    uri="",
    is_public=True,
    is_trusted=True,
)
"""Registered automatically."""

MAX_CLIENTS: Final = 1000
"""Registered by administrators; the list of them has no pages."""

_Actor = tuple[int | None, RequestSource]
"""Id of the administrator, and the source of the request."""


class Clients:
    """Registers, changes and finds clients. Methods raise InvalidFields or ResourceNotFound."""

    def __init__(self, engine: Engine, clock: TimeSource, audit: AuditLog) -> None:
        self._engine = engine
        self._clock = clock
        self._audit = audit

    def create(
        self,
        name: str,
        *,
        redirect_uris: Iterable[str],
        scopes: Iterable[str],
        grants: Iterable[str],
        uri: str = "",
        public: bool,
        trusted: bool = False,
        id: str | None = None,  # noqa: A002 - name of the field
        actor_id: int | None,
        source: RequestSource,
    ) -> tuple[Client, str | None]:
        """The client and its secret, which cannot be retrieved later; None for a public client."""
        secret = None if public else new_secret(Prefix.CLIENT)
        client = Client(
            id=id or f"app-{secrets.token_hex(8)}",
            name=name,
            redirect_uris=tuple(redirect_uris),
            scopes=frozenset(scopes),
            grants=frozenset(grants),
            uri=uri,
            is_public=public,
            is_trusted=trusted,
            created_us=to_microseconds(self._clock()),
            secret_digest=digest_of(secret) if secret else None,
        )
        _validate(client)

        def work(connection: Connection) -> None:
            lock_client(connection, CLI_CLIENT.id)  # the one row that always exists: the clients are counted
            if (connection.scalar(select(func.count()).select_from(oauth_clients)) or 0) >= MAX_CLIENTS:
                raise PermissionDenied(f"There is a maximum of {MAX_CLIENTS} applications; delete one first.")
            connection.execute(insert(oauth_clients).values(_values(client)))
            self._log(connection, AuditEvent.CLIENT_CREATED, client.id, (actor_id, source), {"name": name})

        self.get(CLI_CLIENT.id)
        try:
            write(self._engine, work)
        except IntegrityError:
            raise InvalidFields({"id": ["This id is already in use."]}) from None
        return client, secret

    def get(self, id_: str) -> Client | None:
        """Disabled clients included."""
        with self._engine.connect() as connection:
            client = _get(connection, id_)
        if client is None and id_ == CLI_CLIENT.id:
            return self._add_cli()
        return client

    def list(self) -> list[Client]:
        """By name."""
        query = select(oauth_clients).order_by(oauth_clients.c.name, oauth_clients.c.id)
        with self._engine.connect() as connection:
            found = [_client(row) for row in connection.execute(query)]
        if not any(client.id == CLI_CLIENT.id for client in found):
            self._add_cli()
            return self.list()
        return found

    def authenticate(self, id_: str, secret: str | None) -> Client | None:
        """The client, or None if disabled or the secret is wrong. The secret of a public client is None."""
        client = self.get(id_)
        if client is None or client.is_disabled or client.is_public != (secret is None):
            return None
        if secret is not None and not compare_digest(client.secret_digest or b"", digest_of(secret)):
            return None
        return client

    def update(
        self,
        id_: str,
        *,
        name: str | None = None,
        redirect_uris: Iterable[str] | None = None,
        scopes: Iterable[str] | None = None,
        grants: Iterable[str] | None = None,
        uri: str | None = None,
        trusted: bool | None = None,
        disabled: bool | None = None,
        actor_id: int | None,
        source: RequestSource,
    ) -> Client:
        """Change the fields that are not None. A disabled client and its tokens are rejected.

        If it gets a redirect URI on another host, users are asked for consent again.
        """
        fields = {
            "name": name,
            "redirect_uris": None if redirect_uris is None else tuple(redirect_uris),
            "scopes": None if scopes is None else frozenset(scopes),
            "grants": None if grants is None else frozenset(grants),
            "uri": uri,
            "is_trusted": trusted,
            "is_disabled": disabled,
        }
        changes: dict[str, Any] = {field: value for field, value in fields.items() if value is not None}
        self._require(id_)

        def work(connection: Connection) -> Client:
            before = _existing(connection, id_)
            client = replace(before, **changes)
            _validate(client, set() if "name" in changes else {"name"})  # an older name may break newer rules
            values = _values(client) | {"disabled_us": to_microseconds(self._clock()) if client.is_disabled else None}
            connection.execute(update(oauth_clients).where(oauth_clients.c.id == id_).values(values))
            if origins_of(client.redirect_uris) - origins_of(before.redirect_uris):
                # Users agreed to send their codes elsewhere.
                connection.execute(delete(oauth_consents).where(oauth_consents.c.client_id == id_))
            self._log(connection, AuditEvent.CLIENT_CHANGED, id_, (actor_id, source), {"fields": sorted(changes)})
            return client

        return write(self._engine, work)

    def rotate_secret(self, id_: str, *, actor_id: int | None, source: RequestSource) -> str:
        """Replace the secret immediately. Raises PermissionDenied for a public client."""
        secret = new_secret(Prefix.CLIENT)
        self._require(id_)

        def work(connection: Connection) -> None:
            if _existing(connection, id_).is_public:
                raise PermissionDenied("A public application has no secret.")
            values = {"secret_digest": digest_of(secret)}
            connection.execute(update(oauth_clients).where(oauth_clients.c.id == id_).values(values))
            self._log(connection, AuditEvent.CLIENT_CHANGED, id_, (actor_id, source), {"fields": ["secret"]})

        write(self._engine, work)
        return secret

    def delete(self, id_: str, *, actor_id: int | None, source: RequestSource) -> None:
        """Delete a client with all its grants. Raises PermissionDenied for the command line."""
        if id_ == CLI_CLIENT.id:
            raise PermissionDenied(f"{CLI_CLIENT.id} cannot be deleted. Disable it instead.")

        def work(connection: Connection) -> None:
            client = _existing(connection, id_)
            connection.execute(delete(oauth_clients).where(oauth_clients.c.id == id_))
            self._log(connection, AuditEvent.CLIENT_DELETED, id_, (actor_id, source), {"name": client.name})

        write(self._engine, work)

    def _require(self, id_: str) -> None:
        """Raises ResourceNotFound. Registers the command line first if needed."""
        if self.get(id_) is None:
            raise ResourceNotFound(f"There is no application {id_[:64]!r}.")

    def _add_cli(self) -> Client:
        """Register the command line. Several replicas may do so concurrently."""
        values = _values(replace(CLI_CLIENT, created_us=to_microseconds(self._clock())))
        with contextlib.suppress(IntegrityError):
            write(self._engine, lambda connection: connection.execute(insert(oauth_clients).values(values)))
        with self._engine.connect() as connection:
            return _existing(connection, CLI_CLIENT.id)

    def _log(self, connection: Connection, event: AuditEvent, id_: str, actor: _Actor, detail: dict[str, Any]) -> None:
        actor_id, source = actor
        add = self._audit.add
        add(connection, event, user_id=None, actor_id=actor_id, client_id=id_, source=source, detail=detail)


def _validate(client: Client, unchanged: Collection[str] = ()) -> None:
    errors = {name: messages for name, messages in client_errors(client).items() if name not in unchanged}
    if errors:
        raise InvalidFields(errors)


def lock_client(connection: Connection, id_: str) -> None:
    """Lock the row of a client until the transaction ends: what is counted per client, or changed, stays true."""
    connection.execute(select(oauth_clients.c.id).where(oauth_clients.c.id == id_).with_for_update())


def _existing(connection: Connection, id_: str) -> Client:
    """The locked client: a concurrent change of another field would be overwritten. Raises ResourceNotFound."""
    lock_client(connection, id_)
    client = _get(connection, id_)
    if client is None:
        raise ResourceNotFound(f"There is no application {id_[:64]!r}.")
    return client


def _get(connection: Connection, id_: str) -> Client | None:
    row = connection.execute(select(oauth_clients).where(oauth_clients.c.id == id_)).one_or_none()
    return _client(row) if row is not None and row.id == id_ else None  # MariaDB ignores trailing spaces


def _values(client: Client) -> dict[str, Any]:
    return {
        "id": client.id,
        "secret_digest": client.secret_digest,
        "name": client.name,
        "uri": client.uri,
        "redirect_uris": list(client.redirect_uris),
        "scopes": render_scopes(client.scopes),
        "grants": render_scopes(client.grants),
        "auth_method": "none" if client.is_public else "client_secret_basic",
        "trusted": client.is_trusted,
        "created_us": client.created_us,
        "disabled_us": None,
    }


def _client(row: Row[tuple[Any, ...]]) -> Client:
    return Client(
        id=row.id,
        name=row.name,
        redirect_uris=tuple(row.redirect_uris),
        scopes=parse_scopes(row.scopes),
        grants=frozenset(row.grants.split()),
        uri=row.uri,
        is_public=row.auth_method == "none",
        is_trusted=row.trusted,
        created_us=row.created_us,
        is_disabled=row.disabled_us is not None,
        secret_digest=row.secret_digest,
    )
