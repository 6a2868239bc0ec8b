"""Single flight: concurrent callers with the same key share one computation."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Hashable
from contextvars import Context
from dataclasses import dataclass
from typing import Generic, TypeVar

from serve_app.errors import DeadlineExceeded, Overloaded, RateLimited

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True, eq=False)
class _Flight(Generic[V]):
    task: asyncio.Task[V]
    waiters: int = 0


class SingleFlight(Generic[K, V]):
    """Runs one computation per key at a time, and cancels it when no caller waits for it.

    A cancelled caller does not affect the others. An exception reaches all callers, except those of the types
    ``personal``: if the deadline of one caller passed, its rate limit was reached or it found no place in the queue,
    the others try again.
    """

    def __init__(self, personal: tuple[type[Exception], ...] = (DeadlineExceeded, Overloaded, RateLimited)) -> None:
        self._personal = personal
        self._flights: dict[K, _Flight[V]] = {}

    async def run(self, key: K, make: Callable[[], Awaitable[V]]) -> tuple[V, bool]:
        """The value for ``key``, and whether the computation of another caller returned it.

        ``make`` applies the deadline of the caller that started it. A caller with an earlier deadline must use its own
        ``asyncio.timeout``.
        """
        while True:
            flight = self._flights.get(key)
            shared = flight is not None
            if flight is None:
                flight = self._start(key, make)
            with contextlib.suppress(*self._personal if shared else ()):
                return await self._wait(key, flight), shared
            # The other caller failed for a personal reason, so try again. Each round ends with the failure of one
            # caller, so there are at most as many rounds as callers.

    def _start(self, key: K, make: Callable[[], Awaitable[V]]) -> _Flight[V]:
        # An empty context, because Ray cancels all calls of a request's context when its client disconnects.
        flight = _Flight(asyncio.create_task(_awaited(make), context=Context()))
        self._flights[key] = flight
        flight.task.add_done_callback(lambda task: self._land(key, flight, task))
        return flight

    async def _wait(self, key: K, flight: _Flight[V]) -> V:
        flight.waiters += 1
        try:
            await asyncio.wait((flight.task,))
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.task.done():
                self._forget(key, flight)
                flight.task.cancel()
        return flight.task.result()

    def _land(self, key: K, flight: _Flight[V], task: asyncio.Task[V]) -> None:
        self._forget(key, flight)
        if not task.cancelled():
            task.exception()  # marks it as retrieved, even if all callers were cancelled

    def _forget(self, key: K, flight: _Flight[V]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    def __len__(self) -> int:
        """Computations in flight."""
        return len(self._flights)


async def _awaited(make: Callable[[], Awaitable[V]]) -> V:
    return await make()
