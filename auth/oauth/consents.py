"""What users let applications do, remembered."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.credentials.lifetimes import to_microseconds
from auth.principal import Scopes, parse_scopes, render_scopes
from auth.settings import TimeSource
from auth.tables import oauth_clients, oauth_consents, oauth_families, oauth_tokens


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
    def __init__(self, engine: Engine, clock: TimeSource) -> None:
        self._engine = engine
        self._clock = clock

    def list(self, user_id: int) -> list[Consent]:
        """The applications that act for a user, newest first: also trusted ones, which have tokens without consent."""
        clients = oauth_clients.c
        query = select(oauth_consents, clients.name, clients.uri).join(oauth_clients)
        with self._engine.connect() as connection:
            asked = connection.execute(query.where(oauth_consents.c.user_id == user_id)).all()
            unasked = connection.execute(self._unasked(user_id)).all()
        found = {row.client_id: _consent(row) for row in asked}
        for row in unasked:
            found[row.client_id] = _joined(_consent(row), found.get(row.client_id))
        return sorted(found.values(), key=lambda consent: (-consent.created_us, consent.name))

    def _unasked(self, user_id: int) -> Select[Any]:
        """What lives of a user's without their consent, each with when it last gave a token."""
        families, clients = oauth_families.c, oauth_clients.c
        living = families.revoked_us.is_(None) & (families.expires_us > to_microseconds(self._clock()))
        asked = select(oauth_consents.c.client_id).where(oauth_consents.c.user_id == user_id)
        seen_us = func.max(oauth_tokens.c.created_us).label("seen_us")
        return (
            select(families.client_id, clients.name, clients.uri, families.scopes, families.created_us, seen_us)
            .select_from(oauth_families.join(oauth_clients).join(oauth_tokens))
            .where(families.user_id == user_id, living, families.client_id.not_in(asked))
            .group_by(families.id, clients.name, clients.uri)
        )

    def scopes(self, user_id: int, client_id: str) -> Scopes:
        """What a user lets an application do; empty where they were never asked."""
        with self._engine.connect() as connection:
            return _scopes(connection, user_id, client_id)

    def give(self, connection: Connection, user_id: int, client_id: str, scopes: Scopes) -> None:
        """Besides what was given before."""
        now_us = to_microseconds(self._clock())
        values = {"scopes": render_scopes(scopes), "created_us": now_us, "seen_us": now_us}
        try:
            new = values | {"user_id": user_id, "client_id": client_id}
            connection.execute(insert(oauth_consents).values(new))
        except IntegrityError:
            more = render_scopes(scopes | _scopes(connection, user_id, client_id))
            connection.execute(update(oauth_consents).where(_of(user_id, client_id)).values(scopes=more))

    def seen(self, connection: Connection, user_id: int, client_id: str) -> None:
        now_us = to_microseconds(self._clock())
        connection.execute(update(oauth_consents).where(_of(user_id, client_id)).values(seen_us=now_us))

    def take_back(self, connection: Connection, user_id: int, client_id: str) -> bool:
        """False where there was none."""
        return connection.execute(delete(oauth_consents).where(_of(user_id, client_id))).rowcount > 0


def _consent(row: Row[Any]) -> Consent:
    return Consent(row.client_id, row.name, row.uri, parse_scopes(row.scopes), row.created_us, row.seen_us)


def _joined(one: Consent, other: Consent | None) -> Consent:
    """Of the same application."""
    if other is None:
        return one
    return replace(
        one,
        scopes=one.scopes | other.scopes,
        created_us=min(one.created_us, other.created_us),
        seen_us=max(one.seen_us, other.seen_us),
    )


def _of(user_id: int, client_id: str) -> ColumnElement[bool]:
    return (oauth_consents.c.user_id == user_id) & (oauth_consents.c.client_id == client_id)


def _scopes(connection: Connection, user_id: int, client_id: str) -> Scopes:
    found = connection.scalar(select(oauth_consents.c.scopes).where(_of(user_id, client_id)))
    return parse_scopes(found or "")
