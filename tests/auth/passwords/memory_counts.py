"""Failure counts in memory: a simulation of an hour takes seconds."""

from collections.abc import Callable, Collection
from typing import TypeVar

from sqlalchemy import Connection

from auth.passwords.backoff import FailureCount
from auth.passwords.failure_counts import Counts

T = TypeVar("T")


class MemoryCounts:
    """A CountStore of one thread; the real one is ``DatabaseCounts``."""

    def __init__(self) -> None:
        self.stored: dict[bytes, FailureCount] = {}

    def read(self, digests: Collection[bytes]) -> Counts:
        return Counts({digest: self.stored[digest] for digest in digests if digest in self.stored})

    def update(self, digests: Collection[bytes], work: Callable[[Counts], T]) -> T:
        counts = self.read(digests)
        result = work(counts)
        for digest, count in counts.changes.items():
            if count is None:
                self.stored.pop(digest, None)
            else:
                self.stored[digest] = count
        return result

    def update_in(self, _connection: Connection, digests: Collection[bytes], work: Callable[[Counts], None]) -> None:
        self.update(digests, work)
