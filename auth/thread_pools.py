"""Thread pools for blocking work: database queries and password hashing."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from anyio import CapacityLimiter, to_thread

from auth.errors import Busy

T = TypeVar("T")

DATABASE_THREADS: Final = 16
MAX_WAITING_HASHES: Final = 200
"""At about 25 ms each on one core, a later request would time out before its turn."""


class ThreadPools:
    """Hashing has its own pool, one thread per core, so many concurrent sign-ins do not delay credential look-ups."""

    def __init__(self) -> None:
        self._database = CapacityLimiter(DATABASE_THREADS)
        self._passwords = CapacityLimiter(max(1, os.cpu_count() or 1))

    async def run(self, work: Callable[..., T], *arguments: Any, **options: Any) -> T:  # noqa: ANN401
        """Run a function that queries the database."""
        return await to_thread.run_sync(partial(work, *arguments, **options), limiter=self._database)

    async def run_hashing(self, work: Callable[..., T], *arguments: Any, **options: Any) -> T:  # noqa: ANN401
        """Run a function that also hashes a password. Raises Busy if too many are waiting."""
        if self._passwords.statistics().tasks_waiting >= MAX_WAITING_HASHES:
            raise Busy("Too many sign-ins are in progress; try again in a moment.")
        return await to_thread.run_sync(partial(work, *arguments, **options), limiter=self._passwords)
