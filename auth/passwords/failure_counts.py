"""Failure counts of a transaction, and their storage in the database."""

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import BindParameter, Connection, Engine, Select, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.database import MAX_ATTEMPTS, write
from auth.driver_cursor import DriverCursor, padded, placeholders
from auth.passwords.backoff import FailureCount
from auth.tables import throttles

T = TypeVar("T")

_NO_FAILURES: Final = FailureCount()

_COLUMNS: Final = (throttles.c.failures, throttles.c.blocked_until_us, throttles.c.seen_us)
_VALUES: Final[dict[str, BindParameter[Any]]] = {
    column.name: bindparam(column.name, required=False) for column in _COLUMNS
}
_DIGEST: Final[BindParameter[Any]] = bindparam("key", required=False)
_INSERT: Final = insert(throttles).values({"digest": _DIGEST, **_VALUES})
_INSERT_MARK: Final = (
    _INSERT.prefix_with("OR IGNORE", dialect="sqlite")
    .prefix_with("IGNORE", dialect="mysql")
    .prefix_with("IGNORE", dialect="mariadb")
)
"""A concurrent sign-in may insert the same mark first, which is as good."""
_UPDATE: Final = update(throttles).where(throttles.c.digest == _DIGEST).values(_VALUES)
_DELETE: Final = delete(throttles).where(throttles.c.digest == _DIGEST)


class Counts:
    """The counts that one attempt reads and changes, by digest."""

    def __init__(self, stored: Mapping[bytes, FailureCount]) -> None:
        self._stored = stored
        self.changes: dict[bytes, FailureCount | None] = {}
        """None deletes a count."""

    def __contains__(self, digest: bytes) -> bool:
        return self._find(digest) is not None

    def __getitem__(self, digest: bytes) -> FailureCount:
        """No failures if there is no such count."""
        return self._find(digest) or _NO_FAILURES

    def __setitem__(self, digest: bytes, count: FailureCount) -> None:
        self.changes[digest] = count

    def __delitem__(self, digest: bytes) -> None:
        if digest in self:
            self.changes[digest] = None

    def lower(self, digest: bytes, count: FailureCount) -> None:
        """Replace a count that exists by a lower one; one without effect is deleted."""
        if digest in self:
            self.changes[digest] = count if count.failures or count.blocked_until_us else None

    def is_stored(self, digest: bytes) -> bool:
        return digest in self._stored

    def _find(self, digest: bytes) -> FailureCount | None:
        return self.changes[digest] if digest in self.changes else self._stored.get(digest)


class CountStore(Protocol):
    """Stores counts for all replicas."""

    def read(self, digests: Collection[bytes]) -> Counts:
        """For a look; changes of the result are not stored."""

    def update(self, digests: Collection[bytes], work: Callable[[Counts], T]) -> T:
        """Run ``work``, which may run repeatedly, and store its changes. Concurrent updates of a digest wait."""

    def update_in(self, connection: Connection, digests: Collection[bytes], work: Callable[[Counts], None]) -> None:
        """The same in the caller's transaction; ``work`` only changes and deletes counts, or marks addresses."""


class DatabaseCounts:
    """All replicas share the counts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, digests: Collection[bytes]) -> Counts:
        with self._engine.connect() as connection:
            return _load(connection, digests)

    def update(self, digests: Collection[bytes], work: Callable[[Counts], T]) -> T:
        def transaction(connection: Connection) -> T:
            counts = _load(connection, digests, lock=True)
            result = work(counts)
            _save(connection, counts)
            return result

        for _ in range(MAX_ATTEMPTS - 1):
            # A concurrent first failure may insert the same row; the next try then updates that row.
            with contextlib.suppress(IntegrityError):
                return write(self._engine, transaction)
        return write(self._engine, transaction)

    def update_in(self, connection: Connection, digests: Collection[bytes], work: Callable[[Counts], None]) -> None:
        counts = _load(connection, digests, lock=True)
        work(counts)
        _save(connection, counts)


def _load(connection: Connection, digests: Collection[bytes], lock: bool = False) -> Counts:
    keys = padded("digest", digests)
    rows = DriverCursor(connection).rows(_select(len(keys), lock), keys)
    return Counts({digest: FailureCount(*count) for digest, *count in rows})


@lru_cache
def _select(size: int, lock: bool) -> Select[Any]:
    is_wanted = throttles.c.digest.in_(placeholders("digest", size))
    query = select(throttles.c.digest, *_COLUMNS).where(is_wanted).order_by(throttles.c.digest)
    return query.with_for_update() if lock else query


def _save(connection: Connection, counts: Counts) -> None:
    cursor = DriverCursor(connection)
    for digest, count in sorted(counts.changes.items()):
        if count is None:
            cursor.write(_DELETE, [{"key": digest}])
            continue
        new = _INSERT_MARK if count.is_mark else _INSERT
        cursor.write(_UPDATE if counts.is_stored(digest) else new, [{"key": digest, **asdict(count)}])
