"""Slots that clients and targets share fairly: none of them can use up all."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from serve_app.errors import Overloaded

_MAX_WAITING: Final = 1_024
"""Waiters at most, each of which holds a request. If there are more, the client with the most loses one."""

Keys = tuple[str, ...]
"""Who takes a slot: first the client, by which the waiters take turns, then others that share a limit."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    keys: Keys
    granted: asyncio.Future[None]


class FairSlots:
    """At most ``total`` slots are taken at a time, and ``per_key`` by those that have a key in common.

    A free slot goes to the next client in turn that may have one, so a client with many requests does not delay the
    others. For one event loop.
    """

    def __init__(self, total: int, per_key: int) -> None:
        self._free = total
        self._per_key = per_key
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, list[_Waiter]] = {}
        """By client, in the order of their turns."""
        self._waiters = 0

    @asynccontextmanager
    async def slot(self, *keys: str) -> AsyncIterator[None]:
        """Wait for a slot and hold it. Raises Overloaded like :meth:`acquire`."""
        await self.acquire(keys)
        try:
            yield
        finally:
            self.release(keys)

    async def acquire(self, keys: Keys) -> None:
        """Wait for a slot. Raises Overloaded if too many wait, and this client has the most or gives way to another."""
        if self._may_take(keys):
            self._take(keys)
            return
        if self._waiters >= _MAX_WAITING:
            self._make_room(keys[0])
        waiter = _Waiter(keys, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(keys[0], []).append(waiter)
        self._waiters += 1
        try:
            await waiter.granted
        except asyncio.CancelledError:
            if waiter.granted.cancelled():
                self._forget(waiter)
            elif waiter.granted.exception() is None:
                self.release(keys)
            raise
        finally:
            self._waiters -= 1

    def release(self, keys: Keys) -> None:
        """Free a slot."""
        self._free += 1
        for key in keys:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]
        self._grant()

    def _may_take(self, keys: Keys) -> bool:
        return self._free > 0 and all(self._held[key] < self._per_key for key in keys)

    def _take(self, keys: Keys) -> None:
        self._free -= 1
        self._held.update(keys)

    def _grant(self) -> None:
        """Give free slots to the waiters whose turn it is."""
        for client in list(self._waiting):
            if not self._free:
                return
            waiter = next((waiter for waiter in self._waiting[client] if self._may_take(waiter.keys)), None)
            if waiter is not None:
                self._forget(waiter)
                if client in self._waiting:
                    self._waiting[client] = self._waiting.pop(client)  # at the end: the others are next
                self._take(waiter.keys)
                waiter.granted.set_result(None)

    def _make_room(self, client: str) -> None:
        """End the last waiter of the client with the most, so that one with fewer finds a place. Raises Overloaded."""
        error = Overloaded("Too many images are being fetched; try again in a moment.", retry_after=1.0)
        most = max(self._waiting.values(), key=len)
        if len(most) <= len(self._waiting.get(client, ())) + 1:
            raise error
        waiter = most[-1]
        self._forget(waiter)
        waiter.granted.set_exception(error)

    def _forget(self, waiter: _Waiter) -> None:
        queue = self._waiting[waiter.keys[0]]
        queue.remove(waiter)
        if not queue:
            del self._waiting[waiter.keys[0]]
