"""What users let applications do, remembered."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.lifetimes import microseconds
from auth.principal import Scopes, parse_scopes, render_scopes
from auth.settings import Clock
from auth.tables import oauth_clients, oauth_consents


@dataclass(frozen=True, slots=True)
class Consent:
    client_id: str
    name: str
    uri: str
    scopes: Scopes
    created_us: int
    seen_us: int
    """When the application last got a token by it."""


class Consents:
    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def list(self, user_id: int) -> list[Consent]:
        """A user's, newest first."""
        consents, clients = oauth_consents.c, oauth_clients.c
        query = (
            select(oauth_consents, clients.name, clients.uri)
            .join(oauth_clients)
            .where(consents.user_id == user_id)
            .order_by(consents.created_us.desc(), clients.name)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            Consent(row.client_id, row.name, row.uri, parse_scopes(row.scopes), row.created_us, row.seen_us)
            for row in rows
        ]

    def scopes(self, user_id: int, client_id: str) -> Scopes:
        """What a user lets an application do; empty where they were never asked."""
        with self._engine.connect() as connection:
            return _scopes(connection, user_id, client_id)

    def give(self, connection: Connection, user_id: int, client_id: str, scopes: Scopes) -> None:
        """Besides what was given before."""
        now_us = microseconds(self._clock())
        values = {"scopes": render_scopes(scopes), "created_us": now_us, "seen_us": now_us}
        try:
            new = values | {"user_id": user_id, "client_id": client_id}
            connection.execute(insert(oauth_consents).values(new))
        except IntegrityError:
            more = render_scopes(scopes | _scopes(connection, user_id, client_id))
            connection.execute(update(oauth_consents).where(_of(user_id, client_id)).values(scopes=more))

    def seen(self, connection: Connection, user_id: int, client_id: str) -> None:
        now_us = microseconds(self._clock())
        connection.execute(update(oauth_consents).where(_of(user_id, client_id)).values(seen_us=now_us))

    def take_back(self, connection: Connection, user_id: int, client_id: str) -> bool:
        """False where there was none."""
        return connection.execute(delete(oauth_consents).where(_of(user_id, client_id))).rowcount > 0


def _of(user_id: int, client_id: str) -> ColumnElement[bool]:
    return (oauth_consents.c.user_id == user_id) & (oauth_consents.c.client_id == client_id)


def _scopes(connection: Connection, user_id: int, client_id: str) -> Scopes:
    found = connection.scalar(select(oauth_consents.c.scopes).where(_of(user_id, client_id)))
    return parse_scopes(found or "")
