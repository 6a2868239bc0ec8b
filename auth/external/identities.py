"""External identities: accounts at providers that are linked to users."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, select, update

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.lifetimes import to_microseconds
from auth.errors import PermissionDenied, ResourceNotFound
from auth.external.claims import UserClaims
from auth.settings import TimeSource
from auth.tables import identities
from auth.users.repository import UserRow, write_for_user

MAX_IDENTITIES: Final = 20
"""Per user."""


@dataclass(frozen=True, slots=True)
class Identity:
    id: int
    provider: str
    title: str
    email: str
    """As known to the provider; may be empty."""
    created_us: int
    seen_us: int


class Identities:
    """``titles``: provider titles by name."""

    def __init__(self, engine: Engine, clock: TimeSource, audit: AuditLog, titles: Mapping[str, str]) -> None:
        self._engine = engine
        self._clock = clock
        self._audit = audit
        self._titles = titles

    def list(self, user_id: int) -> list[Identity]:
        """Identities of a user, oldest first."""
        columns = identities.c
        query = select(columns.id, columns.provider, columns.email, columns.created_us, columns.seen_us)
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(columns.user_id == user_id).order_by(columns.id)).all()
        return [Identity(title=self._titles.get(row.provider, row.provider), **row._mapping) for row in rows]

    def unlink(self, user_id: int, identity_id: int, *, source: RequestSource) -> None:
        """Raises ResourceNotFound, or PermissionDenied if the user could no longer sign in."""

        def work(connection: Connection, user: UserRow) -> None:
            rows = connection.execute(select(identities).where(identities.c.user_id == user_id)).all()
            identity = next((row for row in rows if row.id == identity_id), None)
            if identity is None:
                raise ResourceNotFound("This identity is not linked to your account.")
            if user.password is None and len(rows) == 1:
                raise PermissionDenied(
                    "This is your only way to sign in. Set a password or link another account first."
                )
            connection.execute(delete(identities).where(identities.c.id == identity_id))
            self._log(connection, AuditEvent.IDENTITY_UNLINKED, user_id, identity.provider, source)

        write_for_user(self._engine, user_id, work)

    def user_id_of(self, connection: Connection, claims: UserClaims) -> int | None:
        return connection.scalar(select(identities.c.user_id).where(_matches(claims)))

    def add(
        self, connection: Connection, user_id: int, provider: str, claims: UserClaims, source: RequestSource
    ) -> None:
        """Link an identity, in a transaction that holds the lock on the user.

        Raises IntegrityError if it was linked concurrently, PermissionDenied if the user has too many.
        """
        if (connection.scalar(select(func.count()).where(identities.c.user_id == user_id)) or 0) >= MAX_IDENTITIES:
            raise PermissionDenied(f"At most {MAX_IDENTITIES} external accounts can be linked; unlink one first.")
        now_us = to_microseconds(self._clock())
        values = {
            "user_id": user_id,
            "provider": provider,
            "issuer": claims.issuer,
            "subject": claims.subject,
            "email": claims.email,
            "created_us": now_us,
            "seen_us": now_us,
        }
        connection.execute(insert(identities).values(values))
        self._log(connection, AuditEvent.IDENTITY_LINKED, user_id, provider, source)

    def update(self, connection: Connection, provider: str, claims: UserClaims) -> None:
        """Store the time of a sign-in and the current e-mail address."""
        values = {"provider": provider, "email": claims.email, "seen_us": to_microseconds(self._clock())}
        connection.execute(update(identities).where(_matches(claims)).values(values))

    def _log(
        self, connection: Connection, event: AuditEvent, user_id: int, provider: str, source: RequestSource
    ) -> None:
        self._audit.add(connection, event, user_id=user_id, source=source, detail={"provider": provider})


def _matches(claims: UserClaims) -> ColumnElement[bool]:
    return (identities.c.issuer == claims.issuer) & (identities.c.subject == claims.subject)
