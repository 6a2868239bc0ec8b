"""Devices on which users consented to a native client. Only requests from these are granted without a page."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, insert, select, update

from auth.audit import RequestSource
from auth.credentials.lifetimes import to_microseconds
from auth.oauth.device_assertion import DeviceAssertion
from auth.principal import Scopes, parse_scopes, render_scopes
from auth.settings import TimeSource
from auth.tables import oauth_clients, oauth_devices

MAX_DEVICES: Final = 50
"""Of a user; a further one replaces the least recently used."""


@dataclass(frozen=True, slots=True)
class Device:
    id: int
    client_id: str
    application: str
    """Name of the client."""
    name: str
    scopes: Scopes
    created_us: int
    seen_us: int
    """When the client last asked for access there."""
    address: str
    """Client address of that request's browser."""


class Devices:
    """Methods with a ``connection`` are part of the caller's transaction, which holds the lock on the user."""

    def __init__(self, engine: Engine, clock: TimeSource) -> None:
        self._engine = engine
        self._clock = clock

    def list(self, user_id: int) -> list[Device]:
        """Of one user, the last used first."""
        mine = _query().where(oauth_devices.c.user_id == user_id)
        with self._engine.connect() as connection:
            rows = connection.execute(mine.order_by(oauth_devices.c.seen_us.desc(), oauth_devices.c.id.desc())).all()
        return [_device(row) for row in rows]

    def find(self, user_id: int, client_id: str, assertion: DeviceAssertion) -> Device | None:
        """None unless the user has consented to the client on this device."""
        with self._engine.connect() as connection:
            return _find(connection, user_id, client_id, assertion)

    def add(
        self,
        connection: Connection,
        user_id: int,
        client_id: str,
        assertion: DeviceAssertion,
        scopes: Scopes,
        *,
        source: RequestSource,
    ) -> int:
        """Remember a device, or add to the scopes granted there; returns its id."""
        known = _find(connection, user_id, client_id, assertion)
        now_us = to_microseconds(self._clock())
        values = {
            "name": assertion.name,
            "scopes": render_scopes(scopes | (known.scopes if known else frozenset())),
            "seen_us": now_us,
            "address": source.address[:64],
        }
        if known:
            connection.execute(update(oauth_devices).where(oauth_devices.c.id == known.id).values(values))
            return known.id
        new = {"user_id": user_id, "client_id": client_id, "thumbprint": assertion.thumbprint, "created_us": now_us}
        key = connection.execute(insert(oauth_devices).values(values | new)).inserted_primary_key
        self._evict(connection, user_id)
        return int(key[0]) if key else 0

    def mark_used(self, connection: Connection, user_id: int, id_: int, source: RequestSource) -> bool:
        """Store the time and address of a request; False if the device has been removed."""
        values = {"seen_us": to_microseconds(self._clock()), "address": source.address[:64]}
        return connection.execute(update(oauth_devices).where(_of(user_id, id_)).values(values)).rowcount > 0

    def delete(self, connection: Connection, user_id: int, id_: int) -> Device | None:
        """Remove a device; None if there was none."""
        row = connection.execute(_query().where(_of(user_id, id_))).one_or_none()
        connection.execute(delete(oauth_devices).where(_of(user_id, id_)))
        return _device(row) if row else None

    def delete_all(self, connection: Connection, user_id: int, client_id: str) -> int:
        """Remove the devices on which a user consented to a client; returns how many there were."""
        columns = oauth_devices.c
        theirs = (columns.user_id == user_id) & (columns.client_id == client_id)
        return connection.execute(delete(oauth_devices).where(theirs)).rowcount

    def _evict(self, connection: Connection, user_id: int) -> None:
        columns = oauth_devices.c
        by_use = (
            select(columns.id).where(columns.user_id == user_id).order_by(columns.seen_us.desc(), columns.id.desc())
        )
        if surplus := connection.scalars(by_use.offset(MAX_DEVICES)).all():
            connection.execute(delete(oauth_devices).where(columns.id.in_(surplus)))


def _query() -> Any:  # noqa: ANN401 - a Select of many columns
    columns = [column for column in oauth_devices.c if column.name not in {"user_id", "thumbprint"}]
    return select(*columns, oauth_clients.c.name.label("application")).join(oauth_clients)


def _find(connection: Connection, user_id: int, client_id: str, assertion: DeviceAssertion) -> Device | None:
    columns = oauth_devices.c
    mine = (columns.user_id == user_id) & (columns.client_id == client_id)
    row = connection.execute(_query().where(mine, columns.thumbprint == assertion.thumbprint)).one_or_none()
    return _device(row) if row else None


def _of(user_id: int, id_: int) -> ColumnElement[bool]:
    return (oauth_devices.c.user_id == user_id) & (oauth_devices.c.id == id_)


def _device(row: Row[Any]) -> Device:
    return Device(**{**row._mapping, "scopes": parse_scopes(row.scopes)})
