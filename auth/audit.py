"""The audit log of sign-ins and changes: what happened to whose account, by whom, from where. It has no secrets."""

import threading
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, insert, select

from auth.credentials.lifetimes import to_microseconds
from auth.database import write
from auth.passwords.backoff import LeakyBucket
from auth.settings import TimeSource
from auth.tables import audit, users

log = structlog.get_logger(__name__)

OPERATOR_ID: Final = 0
"""The ``actor_id`` of the command line on the server; no user has this id."""


class AuditEvent(StrEnum):
    """Name of an audit event."""

    REGISTERED = "user.registered"
    SIGNED_IN = "user.signed_in"
    SIGN_IN_FAILED = "user.sign_in_failed"
    SIGNED_OUT = "user.signed_out"
    PROFILE_CHANGED = "user.profile_changed"
    PASSWORD_CHANGED = "user.password_changed"  # noqa: S105
    DELETED = "user.deleted"
    EXPORTED = "user.exported"
    ROLE_CHANGED = "user.role_changed"
    DISABLED = "user.disabled"
    ENABLED = "user.enabled"
    CREDENTIAL_REVOKED = "credential.revoked"
    KEY_CREATED = "key.created"
    IDENTITY_LINKED = "identity.linked"
    IDENTITY_UNLINKED = "identity.unlinked"
    APP_AUTHORIZED = "app.authorized"
    APP_REVOKED = "app.revoked"
    DEVICE_REMOVED = "device.removed"
    TOKEN_REUSED = "app.token_reused"  # noqa: S105
    CLIENT_CREATED = "client.created"
    CLIENT_CHANGED = "client.changed"
    CLIENT_DELETED = "client.deleted"
    SIGNING_KEY_ROTATED = "signing_key.rotated"


@dataclass(frozen=True, slots=True)
class RequestSource:
    """Client address and user agent of a request."""

    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One row of the audit log."""

    id: int
    at_us: int
    event: str
    user_id: int | None
    actor_id: int | None
    client_id: str
    address: str
    user_agent: str
    detail: dict[str, Any]


class FailureBudget:
    """Bounds the records of failed sign-ins, of which anybody can cause as many as they like."""

    def __init__(self) -> None:
        self._bucket = LeakyBucket(rate=1, burst=100)
        self._lock = threading.Lock()
        self._empty_at_us = 0
        self._omitted = 0

    def omits(self, now_us: int) -> bool:
        """Whether there is no record to spend; then it counts as omitted."""
        with self._lock:
            is_empty = self._bucket.add(self._empty_at_us, now_us) is None
            self._omitted += is_empty
            return is_empty

    def spend(self, now_us: int) -> int | None:
        """How many records were omitted since the last one; None to omit this one too."""
        with self._lock:
            empty_at_us = self._bucket.add(self._empty_at_us, now_us)
            if empty_at_us is None:
                self._omitted += 1
                return None
            self._empty_at_us, omitted, self._omitted = empty_at_us, self._omitted, 0
            return omitted


class AuditLog:
    """Writes each record in the transaction of the change it describes, so both are stored or neither.

    Failed sign-ins, which change nothing, are recorded up to 100 at once and one a second; the next record has the
    number of those that were omitted.
    """

    def __init__(self, engine: Engine, clock: TimeSource) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._event_counts: Counter[str] = Counter()
        self._failures = FailureBudget()

    def event_counts(self) -> dict[str, int]:
        """Events in this process since its start, by name; also failed sign-ins without a record."""
        with self._lock:
            return dict(self._event_counts)

    def omits_failure(self) -> bool:
        """Count a failed sign-in if it is one too many for a record, which then needs no transaction."""
        if not self._failures.omits(to_microseconds(self._clock())):
            return False
        with self._lock:
            self._event_counts[AuditEvent.SIGN_IN_FAILED.value] += 1
        return True

    def add(
        self,
        connection: Connection,
        event: AuditEvent,
        *,
        user_id: int | None,
        actor_id: int | None = None,
        client_id: str = "",
        source: RequestSource = RequestSource(),
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """``actor_id`` is None for the user themselves, otherwise an admin's id or :data:`OPERATOR_ID`."""
        now_us = to_microseconds(self._clock())
        with self._lock:
            self._event_counts[event.value] += 1
        if event is AuditEvent.SIGN_IN_FAILED:
            if (omitted := self._failures.spend(now_us)) is None:
                return
            detail = dict(detail or {}) | ({"omitted": omitted} if omitted else {})
            # Only the id: what was typed as the name may be a password.
            log.warning("sign_in_refused", account_id=user_id, omitted=omitted)
        values = {
            "at_us": now_us,
            "event": event,
            "user_id": user_id,
            "actor_id": actor_id if actor_id is not None else user_id,
            "client_id": client_id,
            "address": source.address[:64],
            "user_agent": source.user_agent[:255],
            "detail": dict(detail or {}),
        }
        connection.execute(insert(audit).values(values))

    def record(self, event: AuditEvent, *, user_id: int, source: RequestSource) -> None:
        """Write a record in its own transaction, for an event that changes nothing else."""
        write(self._engine, lambda connection: self.add(connection, event, user_id=user_id, source=source))

    def entries(
        self, *, user_id: int | None = None, event: str | None = None, before_id: int | None = None, limit: int = 50
    ) -> list[AuditRecord]:
        """Records, newest first, optionally of one user, of one event, or older than ``before_id``."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if user_id is not None:
            query = query.where(audit.c.user_id == user_id)
        if event is not None:
            query = query.where(audit.c.event == event)
        if before_id is not None:
            query = query.where(audit.c.id < before_id)
        with self._engine.connect() as connection:
            return [AuditRecord(**row._mapping) for row in connection.execute(query)]

    def usernames(self, user_ids: Collection[int]) -> dict[int, str]:
        """Current usernames by id, without deleted users."""
        query = select(users.c.id, users.c.username).where(users.c.id.in_(user_ids), users.c.deleted_us.is_(None))
        with self._engine.connect() as connection:
            return {row.id: row.username for row in connection.execute(query)}
