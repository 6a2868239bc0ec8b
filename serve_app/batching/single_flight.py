"""Callers that want the same thing at the same time share one computation of it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Hashable
from contextvars import Context
from dataclasses import dataclass
from typing import Generic, TypeVar

from serve_app.errors import DeadlineExceeded, Overloaded

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True, eq=False)
class _Flight(Generic[V]):
    task: asyncio.Task[V]
    waiters: int = 0


class SingleFlight(Generic[K, V]):
    """One computation a key at a time, alive as long as one caller waits for it.

    A caller that is cancelled leaves the others their answer. An exception reaches all of them, save those in
    ``personal``: that one caller's deadline passed, or found the queue full, says nothing of the next caller's.
    """

    def __init__(self, personal: tuple[type[Exception], ...] = (DeadlineExceeded, Overloaded)) -> None:
        self._personal = personal
        self._flights: dict[K, _Flight[V]] = {}

    async def run(self, key: K, make: Callable[[], Awaitable[V]]) -> tuple[V, bool]:
        """The value for ``key``, and whether another caller's computation made it.

        ``make`` runs with the limits of the caller it came from: a caller that wants to wait less than the one
        it follows puts its own ``asyncio.timeout`` around this.
        """
        while True:
            flight = self._flights.get(key)
            shared = flight is not None
            if flight is None:
                flight = self._start(key, make)
            with contextlib.suppress(*self._personal if shared else ()):
                return await self._wait(key, flight), shared
            # The leader failed for a reason of its own: this caller leads or follows the next flight. Each round
            # ends with one leader's own failure, so the rounds are no more than the callers.

    def _start(self, key: K, make: Callable[[], Awaitable[V]]) -> _Flight[V]:
        # A fresh context: Ray cancels what was called in a request's context when that request's client leaves.
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
            task.exception()  # Seen, even where every waiter has left: no "never retrieved" in the log.

    def _forget(self, key: K, flight: _Flight[V]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    def __len__(self) -> int:
        """Computations in flight."""
        return len(self._flights)


async def _awaited(make: Callable[[], Awaitable[V]]) -> V:
    return await make()
