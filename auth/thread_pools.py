"""Threads for what would block the event loop: the database, and the hashing of passwords."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from anyio import CapacityLimiter, to_thread

from auth.errors import Busy

T = TypeVar("T")

DATABASE_THREADS: Final = 16
MOST_PASSWORDS_WAITING: Final = 200
"""At some 25 ms each on one core, who comes after these would wait longer than anybody does."""


class ThreadPools:
    """Passwords have threads of their own, one a core: however many sign in at once, tokens are still looked up."""

    def __init__(self) -> None:
        self._database = CapacityLimiter(DATABASE_THREADS)
        self._passwords = CapacityLimiter(max(1, os.cpu_count() or 1))

    async def run(self, work: Callable[..., T], *arguments: Any, **options: Any) -> T:  # noqa: ANN401
        """Something that asks the database."""
        return await to_thread.run_sync(partial(work, *arguments, **options), limiter=self._database)

    async def run_hashing(self, work: Callable[..., T], *arguments: Any, **options: Any) -> T:  # noqa: ANN401
        """Something that hashes a password too. Raises Busy where too many wait already."""
        if self._passwords.statistics().tasks_waiting >= MOST_PASSWORDS_WAITING:
            raise Busy("Too many people are signing in just now; try again in a moment.")
        return await to_thread.run_sync(partial(work, *arguments, **options), limiter=self._passwords)
