"""The queue in front of password hashing: bounded, and fair among clients and accounts."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from auth.errors import Busy

MAX_WAITING_HASHES: Final = 200
"""At about 25 ms each on one core, a later request would time out before its turn."""


@dataclass(frozen=True, slots=True)
class HashingShare:
    """On whose behalf a password is hashed: at most half of the threads work for one client or one account."""

    client: str
    account: bytes = b""
    is_preferred: bool = False
    """Known clients and others take turns, and leave one thread to each other if there are several."""

    @property
    def keys(self) -> tuple[str | bytes, ...]:
        return (self.client, self.account) if self.account else (self.client,)


@dataclass(eq=False, slots=True)
class _Waiting:
    share: HashingShare
    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class HashingQueue:
    """Belongs to one event loop. Clients take turns, so one that sends much waits for itself only."""

    def __init__(self, threads: int, max_waiting: int = MAX_WAITING_HASHES) -> None:
        self._threads = threads
        self._share = max(1, threads // 2)
        self._max_waiting = max_waiting
        self._threads_of = {True: 0, False: 0}
        """Threads that work for known clients, and for others."""
        self._was_preferred = False
        self._running: Counter[str | bytes] = Counter()
        self._waiting: dict[bool, OrderedDict[str, deque[_Waiting]]] = {True: OrderedDict(), False: OrderedDict()}

    @asynccontextmanager
    async def turn(self, share: HashingShare) -> AsyncIterator[None]:
        """Wait for a thread. Raises Busy if too many are waiting and this client has as many of them as any other."""
        await self._wait(share)
        try:
            yield
        finally:
            self._change(share, -1)
            self._start_waiting()

    @property
    def waiting(self) -> int:
        return sum(len(queue) for clients in self._waiting.values() for queue in clients.values())

    async def _wait(self, share: HashingShare) -> None:
        if share.client not in self._waiting[share.is_preferred] and self._may_start(share):
            self._change(share, 1)
            return
        self._make_room(share)
        waiting = _Waiting(share)
        self._waiting[share.is_preferred].setdefault(share.client, deque()).append(waiting)
        try:
            await waiting.turn
        except asyncio.CancelledError:
            if waiting.turn.done() and not waiting.turn.cancelled():  # it has just been started
                self._change(share, -1)
                self._start_waiting()
            else:
                self._remove(waiting)
            raise

    def _may_start(self, share: HashingShare) -> bool:
        is_full = sum(self._threads_of.values()) >= self._threads
        if is_full or any(self._running[key] >= self._share for key in share.keys):
            return False
        return self._threads_of[share.is_preferred] < max(1, self._threads - 1)

    def _change(self, share: HashingShare, by: int) -> None:
        self._threads_of[share.is_preferred] += by
        if by > 0:
            self._was_preferred = share.is_preferred
        for key in share.keys:
            self._running[key] += by
            if not self._running[key]:
                del self._running[key]

    def _make_room(self, share: HashingShare) -> None:
        """If the queue is full, the client with the most waiting in it loses its last one, unless it is this one.

        A known client always has room for one.
        """
        if self.waiting < self._max_waiting:
            return
        own = len(self._waiting[share.is_preferred].get(share.client, ()))
        for is_preferred in (False, True):
            longest = max(self._waiting[is_preferred].values(), key=len, default=None)
            if longest and (len(longest) > own + 1 or (share.is_preferred and not is_preferred and not own)):
                last = longest[-1]
                self._remove(last)
                if not last.turn.done():
                    last.turn.set_exception(_busy())
                return
        raise _busy()

    def _remove(self, waiting: _Waiting) -> None:
        clients, client = self._waiting[waiting.share.is_preferred], waiting.share.client
        queue = clients.get(client, deque())
        if waiting in queue:
            queue.remove(waiting)
        if not queue:
            clients.pop(client, None)

    def _start_waiting(self) -> None:
        while (waiting := self._next()) is not None:
            self._remove(waiting)
            if waiting.turn.done():  # its client has left
                continue
            clients = self._waiting[waiting.share.is_preferred]
            if waiting.share.client in clients:
                clients.move_to_end(waiting.share.client)
            self._change(waiting.share, 1)
            waiting.turn.set_result(None)

    def _next(self) -> _Waiting | None:
        if sum(self._threads_of.values()) >= self._threads:
            return None
        order = (not self._was_preferred, self._was_preferred)
        firsts = (queue[0] for is_preferred in order for queue in self._waiting[is_preferred].values())
        return next((first for first in firsts if self._may_start(first.share)), None)


def _busy() -> Busy:
    return Busy("Too many sign-ins are in progress; try again in a moment.")
