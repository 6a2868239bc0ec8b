"""Thread pools for blocking work: database queries and password hashing."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from anyio import CapacityLimiter, to_thread

from auth.hashing_queue import HashingQueue, HashingShare

T = TypeVar("T")

DATABASE_THREADS: Final = 16


class ThreadPools:
    """Hashing has its own pool, one thread per core, so many concurrent sign-ins do not delay credential look-ups."""

    def __init__(self) -> None:
        threads = max(1, os.cpu_count() or 1)
        self._database = CapacityLimiter(DATABASE_THREADS)
        self._passwords = CapacityLimiter(threads)
        self._hashing = HashingQueue(threads)

    async def run(self, work: Callable[..., T], *arguments: Any, **options: Any) -> T:  # noqa: ANN401
        """Run a function that queries the database."""
        return await to_thread.run_sync(partial(work, *arguments, **options), limiter=self._database)

    async def run_hashing(
        self,
        share: HashingShare,
        work: Callable[..., T],
        *arguments: Any,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> T:
        """Run a function that also hashes a password. Raises Busy if too many are waiting."""
        async with self._hashing.turn(share):
            return await to_thread.run_sync(partial(work, *arguments, **options), limiter=self._passwords)
