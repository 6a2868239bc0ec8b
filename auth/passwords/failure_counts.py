"""Failure counts of a transaction, and their storage in the database."""

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.database import MAX_ATTEMPTS, write
from auth.passwords.backoff import FailureCount
from auth.tables import throttles

T = TypeVar("T")

_NO_FAILURES: Final = FailureCount()


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
    query = select(throttles).where(throttles.c.digest.in_(digests)).order_by(throttles.c.digest)
    rows = connection.execute(query.with_for_update() if lock else query)
    return Counts({row.digest: FailureCount(row.failures, row.blocked_until_us, row.seen_us) for row in rows})


def _save(connection: Connection, counts: Counts) -> None:
    for digest, count in sorted(counts.changes.items()):
        if count is None:
            connection.execute(delete(throttles).where(throttles.c.digest == digest))
        elif counts.is_stored(digest):
            connection.execute(update(throttles).where(throttles.c.digest == digest).values(asdict(count)))
        else:
            new = insert(throttles).values(digest=digest, **asdict(count))
            if count.is_mark:  # a concurrent sign-in may insert the same one first, which is as good
                for dialect, words in (("sqlite", "OR IGNORE"), ("mysql", "IGNORE"), ("mariadb", "IGNORE")):
                    new = new.prefix_with(words, dialect=dialect)
            connection.execute(new)
