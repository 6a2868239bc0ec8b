"""Thread pools for blocking work: database queries and password hashing."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, Final, TypeVar

from auth.hashing_queue import HashingQueue, HashingShare

T = TypeVar("T")

DATABASE_THREADS: Final = 16


class ThreadPools:
    """Hashing has its own pool, one thread per core, so many concurrent sign-ins do not delay credential look-ups.

    In a Serve replica, whose event loop has no main task, AnyIO would start a thread for each call.
    """

    def __init__(self) -> None:
        threads = max(1, os.cpu_count() or 1)
        self._database = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="accounts")
        self._passwords = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._hashing = HashingQueue(threads)

    async def run(self, work: Callable[..., T], *arguments: Any, **options: Any) -> T:  # noqa: ANN401
        """Run a function that queries the database."""
        return await _run(self._database, partial(work, *arguments, **options))

    async def run_hashing(
        self,
        share: HashingShare,
        work: Callable[..., T],
        *arguments: Any,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> T:
        """Run a function that also hashes a password. Raises Busy if too many are waiting."""
        async with self._hashing.turn(share):
            return await _run(self._passwords, partial(work, *arguments, **options))


async def _run(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """With the context of the caller, for its log events."""
    return await asyncio.get_running_loop().run_in_executor(pool, copy_context().run, work)
