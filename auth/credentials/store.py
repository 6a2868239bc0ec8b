"""Credentials except OAuth's: session cookies, tokens, API keys."""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import OperationalError

from auth.audit import RequestSource
from auth.credentials.lifetimes import (
    LAST_USED_RESOLUTION,
    SESSION_IDLE_TIMEOUT,
    SESSION_LIFETIME,
    TOKEN_IDLE_TIMEOUT,
    to_microseconds,
)
from auth.credentials.secret import Prefix, digest_of, hint_of, new_secret
from auth.database import write
from auth.principal import CredentialKind, Principal, Scopes, User, parse_scopes, render_scopes, scopes_of_role
from auth.settings import TimeSource
from auth.tables import credentials, users

PREFIXES: Final[dict[CredentialKind, Prefix]] = {"session": Prefix.SESSION, "token": Prefix.TOKEN, "key": Prefix.KEY}
_IDLE_TIMEOUT_S: Final[dict[CredentialKind, int | None]] = {
    "session": SESSION_IDLE_TIMEOUT,
    "token": TOKEN_IDLE_TIMEOUT,
    "key": None,
}
MAX_SIGN_INS: Final = 1000
"""Sessions and tokens of a user together; a further one replaces the least recently used."""
_SIGN_IN_KINDS: Final = ("session", "token")
_LIFETIME_S: Final[dict[CredentialKind, int | None]] = {"session": SESSION_LIFETIME, "token": None, "key": None}


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential of a user, without its secret."""

    id: int
    kind: CredentialKind
    user_id: int
    name: str
    hint: str
    scopes: Scopes
    created_us: int
    seen_us: int
    expires_us: int | None
    address: str
    user_agent: str

    @property
    def ends_us(self) -> int:
        """Expiry if it is not used again."""
        return _ends_us(self.kind, self.seen_us, self.expires_us)


class CredentialStore:
    """Issues, resolves, lists and revokes credentials."""

    def __init__(self, engine: Engine, clock: TimeSource) -> None:
        self._engine = engine
        self._clock = clock

    def issue(
        self,
        connection: Connection,
        kind: CredentialKind,
        user_id: int,
        *,
        scopes: Scopes = frozenset(),
        name: str = "",
        lifetime_s: float | None = None,
        source: RequestSource = RequestSource(),  # noqa: B008 - immutable
    ) -> str:
        """The secret of a new credential, in the caller's transaction, which holds the lock on the user.

        ``scopes`` and ``lifetime_s`` are for API keys; other kinds have all scopes of the user. ``lifetime_s`` None
        means no expiry.
        """
        now = self._clock()
        secret = new_secret(PREFIXES[kind])
        lifetime_s = _LIFETIME_S[kind] or lifetime_s
        values = {
            "kind": kind,
            "digest": digest_of(secret),
            "user_id": user_id,
            "name": name,
            "hint": hint_of(secret) if kind == "key" else "",
            "scopes": render_scopes(scopes),
            "created_us": to_microseconds(now),
            "seen_us": to_microseconds(now),
            "expires_us": None if lifetime_s is None else to_microseconds(now + lifetime_s),
            "address": source.address[:64],
            "user_agent": source.user_agent[:255],
        }
        connection.execute(insert(credentials).values(values))
        if kind in _SIGN_IN_KINDS:
            self._evict(connection, user_id)
        return secret

    def principal(self, digest: bytes) -> Principal | None:
        """The principal for a secret's digest; None if it is unknown or expired, or the user disabled or deleted."""
        with self._engine.connect() as connection:
            row = connection.execute(_WITH_USER, {"secret": digest}).one_or_none()
        if row is None or row.disabled_us is not None or row.deleted_us is not None:
            return None
        now_us = to_microseconds(self._clock())
        if _ends_us(row.kind, row.seen_us, row.expires_us) <= now_us:
            return None
        if row.seen_us + to_microseconds(LAST_USED_RESOLUTION) <= now_us:
            self._touch(row.id, now_us)
        allowed = scopes_of_role(row.role)
        scopes = parse_scopes(row.scopes) & allowed if row.kind == "key" else allowed
        return Principal(row.kind, _user(row), "", scopes, row.id, _ends_us(row.kind, now_us, row.expires_us))

    def created_us(self, id_: int) -> int | None:
        """Time of creation; None if the credential no longer exists."""
        with self._engine.connect() as connection:
            return connection.scalar(select(credentials.c.created_us).where(credentials.c.id == id_))

    def list(self, user_id: int, kinds: Collection[CredentialKind]) -> list[Credential]:
        """Unexpired credentials of a user, newest first. Their number is limited."""
        query = (
            select(credentials)
            .where(credentials.c.user_id == user_id, credentials.c.kind.in_(kinds))
            .order_by(credentials.c.id.desc())
        )
        now_us = to_microseconds(self._clock())
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [credential for credential in map(_credential, rows) if credential.ends_us > now_us]

    def count_keys(self, connection: Connection, user_id: int) -> int:
        """Unexpired API keys of a user."""
        now_us = to_microseconds(self._clock())
        is_valid = credentials.c.expires_us.is_(None) | (credentials.c.expires_us > now_us)
        mine = (credentials.c.user_id == user_id) & (credentials.c.kind == "key") & is_valid
        return connection.scalar(select(func.count()).where(mine)) or 0

    def find(self, connection: Connection, secret: str) -> Credential | None:
        """The credential with this secret, even if expired."""
        row = connection.execute(select(credentials).where(credentials.c.digest == digest_of(secret))).one_or_none()
        return _credential(row) if row else None

    def revoke(
        self, connection: Connection, user_id: int, id_: int, kinds: Collection[CredentialKind] = tuple(PREFIXES)
    ) -> bool:
        """Revoke one of a user's credentials; False if there is none of these kinds with this id."""
        mine = (credentials.c.id == id_) & (credentials.c.user_id == user_id) & credentials.c.kind.in_(kinds)
        return connection.execute(delete(credentials).where(mine)).rowcount > 0

    def revoke_secret(self, connection: Connection, kind: CredentialKind, secret: str) -> int | None:
        """Revoke the credential with this secret; returns the id of its user, None if there was none."""
        found = self.find(connection, secret)
        return found.user_id if found and self.revoke(connection, found.user_id, found.id, [kind]) else None

    def revoke_all(
        self, connection: Connection, user_id: int, kinds: Collection[CredentialKind], except_id: int | None = None
    ) -> int:
        """Revoke all of a user's credentials of these kinds except one; returns their number."""
        others = (credentials.c.user_id == user_id) & credentials.c.kind.in_(kinds)
        if except_id is not None:
            others &= credentials.c.id != except_id
        return connection.execute(delete(credentials).where(others)).rowcount

    def sweep(self, connection: Connection) -> int:
        """Delete expired credentials; returns their number."""
        now_us = to_microseconds(self._clock())
        ended = credentials.c.expires_us <= now_us
        for kind, idle_s in _IDLE_TIMEOUT_S.items():
            if idle_s is not None:
                ended |= (credentials.c.kind == kind) & (credentials.c.seen_us <= now_us - to_microseconds(idle_s))
        return connection.execute(delete(credentials).where(ended)).rowcount

    def _evict(self, connection: Connection, user_id: int) -> None:
        mine = (credentials.c.user_id == user_id) & credentials.c.kind.in_(_SIGN_IN_KINDS)
        by_use = select(credentials.c.id).where(mine).order_by(credentials.c.seen_us.desc(), credentials.c.id.desc())
        if surplus := connection.scalars(by_use.offset(MAX_SIGN_INS)).all():
            connection.execute(delete(credentials).where(credentials.c.id.in_(surplus)))

    def _touch(self, id_: int, now_us: int) -> None:
        """Store the last use. If the database is too busy, the next look-up tries again."""
        statement = update(credentials).where(credentials.c.id == id_).values(seen_us=now_us)
        with contextlib.suppress(OperationalError):
            write(self._engine, lambda connection: connection.execute(statement))


_USER = (
    users.c.username,
    users.c.email,
    users.c.role,
    users.c.password.is_not(None).label("has_password"),
    users.c.created_us.label("user_created_us"),
    users.c.disabled_us,
    users.c.deleted_us,
)
_WITH_USER: Final = select(credentials, *_USER).join(users).where(credentials.c.digest == bindparam("secret"))
_FOREVER: Final = 1 << 62


def _user(row: Row[tuple[object, ...]]) -> User:
    return User(row.user_id, row.username, row.email, row.role, row.user_created_us, bool(row.has_password))


def _ends_us(kind: CredentialKind, seen_us: int, expires_us: int | None) -> int:
    idle_s = _IDLE_TIMEOUT_S[kind]
    idle_us = seen_us + to_microseconds(idle_s) if idle_s is not None else _FOREVER
    return min(idle_us, _FOREVER if expires_us is None else expires_us)


def _credential(row: Row[tuple[object, ...]]) -> Credential:
    values = {**row._mapping, "scopes": parse_scopes(row.scopes)}
    del values["digest"]
    return Credential(**values)
