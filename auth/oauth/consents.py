"""Consents: the scopes that users granted to clients."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, delete, func, insert, select, update

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
    """When the client last received a token."""


class Consents:
    def __init__(self, engine: Engine, clock: TimeSource) -> None:
        self._engine = engine
        self._clock = clock

    def list(self, user_id: int) -> list[Consent]:
        """Clients that act for a user, newest first, including trusted ones, which need no consent."""
        clients = oauth_clients.c
        query = select(oauth_consents, clients.name, clients.uri).join(oauth_clients)
        with self._engine.connect() as connection:
            given = connection.execute(query.where(oauth_consents.c.user_id == user_id)).all()
            implied = connection.execute(self._implied(user_id)).all()
        found = {row.client_id: _consent(row) for row in given}
        for row in implied:
            found[row.client_id] = _merge(_consent(row), found.get(row.client_id))
        return sorted(found.values(), key=lambda consent: (-consent.created_us, consent.name))

    def _implied(self, user_id: int) -> Select[Any]:
        """Active families of clients without consent, with the time of their last token."""
        families, clients = oauth_families.c, oauth_clients.c
        active = families.revoked_us.is_(None) & (families.expires_us > to_microseconds(self._clock()))
        given = select(oauth_consents.c.client_id).where(oauth_consents.c.user_id == user_id)
        seen_us = func.max(oauth_tokens.c.created_us).label("seen_us")
        return (
            select(families.client_id, clients.name, clients.uri, families.scopes, families.created_us, seen_us)
            .select_from(oauth_families.join(oauth_clients).join(oauth_tokens))
            .where(families.user_id == user_id, active, families.client_id.not_in(given))
            .group_by(families.id, clients.name, clients.uri)
        )

    def granted_scopes(self, user_id: int, client_id: str) -> Scopes:
        """Empty without consent."""
        with self._engine.connect() as connection:
            return _scopes(connection, user_id, client_id)

    def add(self, connection: Connection, user_id: int, client_id: str, scopes: Scopes) -> None:
        """Add to the scopes granted before, in a transaction that holds the lock on the user."""
        merged = render_scopes(scopes | _scopes(connection, user_id, client_id))
        changed = update(oauth_consents).where(_of(user_id, client_id)).values(scopes=merged)
        if not connection.execute(changed).rowcount:
            now_us = to_microseconds(self._clock())
            new = {"user_id": user_id, "client_id": client_id, "created_us": now_us, "seen_us": now_us}
            connection.execute(insert(oauth_consents).values(new | {"scopes": merged}))

    def mark_used(self, connection: Connection, user_id: int, client_id: str) -> None:
        """Store when the client received a token."""
        now_us = to_microseconds(self._clock())
        connection.execute(update(oauth_consents).where(_of(user_id, client_id)).values(seen_us=now_us))

    def delete(self, connection: Connection, user_id: int, client_id: str) -> bool:
        """False if there was none."""
        return connection.execute(delete(oauth_consents).where(_of(user_id, client_id))).rowcount > 0


def _consent(row: Row[Any]) -> Consent:
    return Consent(row.client_id, row.name, row.uri, parse_scopes(row.scopes), row.created_us, row.seen_us)


def _merge(one: Consent, other: Consent | None) -> Consent:
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
