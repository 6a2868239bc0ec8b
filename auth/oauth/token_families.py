"""Token families: the code, access tokens and refresh tokens of one authorization, which are revoked together."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, delete, insert, select, update

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.lifetimes import CODE_LIFETIME, to_microseconds
from auth.oauth.client import USER_SCOPES
from auth.principal import Scopes, User, parse_scopes, render_scopes, scopes_of_role
from auth.settings import TimeSource
from auth.tables import oauth_clients, oauth_families, users

MAX_FAMILIES: Final = 100
"""Of a user at one client; a further one replaces the oldest."""
MAX_CLIENT_FAMILIES: Final = 1000
"""Of a client that acts for itself."""


@dataclass(frozen=True, slots=True)
class TokenFamily:
    """An active family: neither expired nor revoked, its client and user not disabled."""

    id: int
    client_id: str
    user: User | None
    """None for client credentials."""
    scopes: Scopes
    """The granted scopes that client and user still have."""
    nonce: str
    authenticated_us: int
    """When the user signed in."""
    created_us: int
    expires_us: int


_COLUMNS = (
    oauth_families.c.client_id,
    oauth_families.c.user_id,
    oauth_families.c.scopes.label("granted"),
    oauth_families.c.nonce,
    oauth_families.c.authenticated_us,
    oauth_families.c.created_us.label("family_created_us"),
    oauth_families.c.expires_us.label("family_expires_us"),
    oauth_families.c.revoked_us.label("family_revoked_us"),
    oauth_clients.c.scopes.label("client_scopes"),
    oauth_clients.c.disabled_us.label("client_disabled_us"),
    users.c.username,
    users.c.email,
    users.c.role,
    users.c.password.is_not(None).label("has_password"),
    users.c.created_us.label("user_created_us"),
    users.c.disabled_us.label("user_disabled_us"),
    users.c.deleted_us.label("user_deleted_us"),
)


def with_family(table: Table) -> Select[Any]:
    """Select codes or tokens with the columns that :func:`family_of` reads."""
    return select(table, *_COLUMNS).select_from(table.join(oauth_families).join(oauth_clients).outerjoin(users))


def family_of(row: Row[Any], now_us: int) -> TokenFamily | None:
    """None unless the family is active."""
    ended = (row.family_revoked_us, row.client_disabled_us, row.user_disabled_us, row.user_deleted_us)
    if row.family_expires_us <= now_us or any(at_us is not None for at_us in ended):
        return None
    user = None
    if row.user_id is not None:
        user = User(row.user_id, row.username, row.email, row.role, row.user_created_us, bool(row.has_password))
    return TokenFamily(
        id=row.family_id,
        client_id=row.client_id,
        user=user,
        scopes=parse_scopes(row.granted) & parse_scopes(row.client_scopes) & _max_scopes(user),
        nonce=row.nonce,
        authenticated_us=row.authenticated_us,
        created_us=row.family_created_us,
        expires_us=row.family_expires_us,
    )


def _max_scopes(user: User | None) -> Scopes:
    """The most that a client may do for a user, or on its own."""
    return scopes_of_role("user") - USER_SCOPES if user is None else scopes_of_role(user.role)


class TokenFamilies:
    """Methods are part of the caller's transaction."""

    def __init__(self, clock: TimeSource, audit: AuditLog) -> None:
        self._clock = clock
        self._audit = audit

    def add(
        self,
        connection: Connection,
        client_id: str,
        user_id: int | None,
        scopes: Scopes,
        *,
        lifetime_s: int,
        nonce: str = "",
        authenticated_us: int = 0,
        device_id: int | None = None,
    ) -> int:
        """Id of the new family. ``device_id``: the known device that asked for it."""
        now = self._clock()
        values = {
            "user_id": user_id,
            "client_id": client_id,
            "device_id": device_id,
            "scopes": render_scopes(scopes),
            "nonce": nonce,
            "authenticated_us": authenticated_us,
            "created_us": to_microseconds(now),
            "expires_us": to_microseconds(now + lifetime_s),
        }
        key = connection.execute(insert(oauth_families).values(values)).inserted_primary_key
        assert key  # noqa: S101 - for the type checker
        return int(key[0])

    def set_expiry(self, connection: Connection, id_: int, expires_us: int) -> None:
        connection.execute(update(oauth_families).where(oauth_families.c.id == id_).values(expires_us=expires_us))

    def revoke(self, connection: Connection, id_: int) -> bool:
        """False if it was revoked before."""
        return self._revoke(connection, oauth_families.c.id == id_) > 0

    def revoke_reused(self, connection: Connection, row: Row[Any], what: str, source: RequestSource) -> None:
        """Revoke the family of a code or token that was used again: it may have been stolen."""
        if self.revoke(connection, row.family_id):
            add, user_id, client_id = self._audit.add, row.user_id, row.client_id
            detail = {"reused": what}
            add(connection, AuditEvent.TOKEN_REUSED, user_id=user_id, client_id=client_id, source=source, detail=detail)

    def revoke_all(self, connection: Connection, user_id: int, client_id: str) -> int:
        """Revoke what a client has of a user; the number of families."""
        return self._revoke(
            connection, (oauth_families.c.user_id == user_id) & (oauth_families.c.client_id == client_id)
        )

    def revoke_device(self, connection: Connection, user_id: int, device_id: int) -> int:
        """Revoke what was authorized from a device of a user; the number of families."""
        return self._revoke(
            connection, (oauth_families.c.user_id == user_id) & (oauth_families.c.device_id == device_id)
        )

    def limit_for_user(self, connection: Connection, user_id: int, client_id: str) -> None:
        """Revoke the oldest families whose code was redeemed, in a transaction that holds the lock on the user.

        Codes that are not redeemed expire soon. If they counted, a page that requests many would end all sign-ins.
        """
        redeemed = oauth_families.c.expires_us > oauth_families.c.created_us + to_microseconds(CODE_LIFETIME)
        self._limit(connection, (oauth_families.c.user_id == user_id) & redeemed, client_id, MAX_FAMILIES)

    def limit_for_client(self, connection: Connection, client_id: str) -> None:
        """Revoke the oldest families without a user, in a transaction that holds the lock on the client."""
        self._limit(connection, oauth_families.c.user_id.is_(None), client_id, MAX_CLIENT_FAMILIES)

    def sweep(self, connection: Connection) -> None:
        """Delete expired and revoked families with their codes and tokens."""
        expired = oauth_families.c.expires_us <= to_microseconds(self._clock())
        connection.execute(delete(oauth_families).where(expired | oauth_families.c.revoked_us.is_not(None)))

    def _limit(self, connection: Connection, whose: ColumnElement[bool], client_id: str, maximum: int) -> None:
        families = oauth_families.c
        active = families.revoked_us.is_(None) & (families.expires_us > to_microseconds(self._clock()))
        newest_first = (
            select(families.id)
            .where(whose, families.client_id == client_id, active)
            .order_by(families.created_us.desc(), families.id.desc())
        )
        if surplus := connection.scalars(newest_first.offset(maximum)).all():
            self._revoke(connection, families.id.in_(surplus))

    def _revoke(self, connection: Connection, which: ColumnElement[bool]) -> int:
        now_us = to_microseconds(self._clock())
        active = which & oauth_families.c.revoked_us.is_(None)
        return connection.execute(update(oauth_families).where(active).values(revoked_us=now_us)).rowcount
