"""Accounts elsewhere that sign a user in."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, delete, insert, select, update

from auth.audit import AuditEvent, AuditLog, RequestSource
from auth.credentials.lifetimes import to_microseconds
from auth.database import write
from auth.errors import PermissionDenied, ResourceNotFound
from auth.external.person import Person
from auth.settings import TimeSource
from auth.tables import identities
from auth.users.repository import get_for_update


@dataclass(frozen=True, slots=True)
class Identity:
    """One of a user's."""

    id: int
    provider: str
    title: str
    email: str
    """As the provider knows it; may be empty."""
    created_us: int
    seen_us: int


class Identities:
    """``titles``: what the settings' providers are called."""

    def __init__(self, engine: Engine, clock: TimeSource, audit: AuditLog, titles: Mapping[str, str]) -> None:
        self._engine = engine
        self._clock = clock
        self._audit = audit
        self._titles = titles

    def list(self, user_id: int) -> list[Identity]:
        """Those of a user, oldest first."""
        query = select(identities).where(identities.c.user_id == user_id).order_by(identities.c.id)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            Identity(
                row.id,
                row.provider,
                self._titles.get(row.provider, row.provider),
                row.email,
                row.created_us,
                row.seen_us,
            )
            for row in rows
        ]

    def unlink(self, user_id: int, identity_id: int, *, source: RequestSource) -> None:
        """Raises ResourceNotFound, or PermissionDenied where it is their only way in."""

        def work(connection: Connection) -> None:
            user = get_for_update(connection, user_id)  # locked: of two at once, the second sees what the first did
            rows = connection.execute(select(identities).where(identities.c.user_id == user_id)).all()
            gone = next((row for row in rows if row.id == identity_id), None)
            if gone is None:
                raise ResourceNotFound("There is no such identity; it may be unlinked already.")
            if user.password is None and len(rows) == 1:
                raise PermissionDenied("This is your only way in. Set a password first, or link another account.")
            connection.execute(delete(identities).where(identities.c.id == identity_id))
            self._log(connection, AuditEvent.IDENTITY_UNLINKED, user_id, gone.provider, source)

        write(self._engine, work)

    def owner_of(self, connection: Connection, person: Person) -> int | None:
        """The id of the user whose identity this is."""
        return connection.scalar(select(identities.c.user_id).where(_is(person)))

    def add(self, connection: Connection, user_id: int, provider: str, person: Person, source: RequestSource) -> None:
        """Link it. Raises IntegrityError where it just was linked by somebody else."""
        now_us = to_microseconds(self._clock())
        values = {
            "user_id": user_id,
            "provider": provider,
            "issuer": person.issuer,
            "subject": person.subject,
            "email": person.email,
            "created_us": now_us,
            "seen_us": now_us,
        }
        connection.execute(insert(identities).values(values))
        self._log(connection, AuditEvent.IDENTITY_LINKED, user_id, provider, source)

    def seen(self, connection: Connection, provider: str, person: Person) -> None:
        """It was used just now; remember the address it has now."""
        values = {"provider": provider, "email": person.email, "seen_us": to_microseconds(self._clock())}
        connection.execute(update(identities).where(_is(person)).values(values))

    def _log(
        self, connection: Connection, event: AuditEvent, user_id: int, provider: str, source: RequestSource
    ) -> None:
        self._audit.add(connection, event, user_id=user_id, source=source, detail={"provider": provider})


def _is(person: Person) -> ColumnElement[bool]:
    return (identities.c.issuer == person.issuer) & (identities.c.subject == person.subject)
