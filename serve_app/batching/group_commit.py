"""Group commit: calls that wait while a transaction is in progress share the next one.

Like the adaptive batcher, it has no timer: a call that finds the thread idle is committed alone, at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


@dataclass(eq=False, slots=True)
class _Call(Generic[ItemT]):
    items: Sequence[ItemT]
    done: asyncio.Future[None]
    context: Context = field(default_factory=copy_context)


class GroupCommit(Generic[ItemT]):
    """Runs ``commit`` on a thread, for all calls that wait. For use on one event loop.

    ``commit`` gets the items of each call and returns one error or None for each.
    """

    def __init__(
        self, commit: Callable[[list[Sequence[ItemT]]], Sequence[Exception | None]], *, max_items: int, name: str
    ) -> None:
        """At most ``max_items`` share a transaction, unless one call has more."""
        self._commit = commit
        self._max_items = max_items
        self._waiting: deque[_Call[ItemT]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._is_running = False

    async def submit(self, items: Sequence[ItemT]) -> None:
        """Commit the items of a call. Raises the error of this call.

        A call that is cancelled before its transaction begins commits nothing.
        """
        call = _Call(items, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if not self._is_running:
            self._start()
        await call.done

    def close(self) -> None:
        """Wait until the transaction in progress has ended."""
        self._thread.shutdown(wait=True)

    def _start(self) -> None:
        group = self._take()
        self._is_running = bool(group)
        if group:
            # In the context of the first call, so that log events have its request ids.
            commit = self._thread.submit(group[0].context.run, self._commit, [call.items for call in group])
            # No task: Ray would cancel it with the request that started it.
            asyncio.wrap_future(commit).add_done_callback(lambda outcome: self._finish(group, outcome))

    def _take(self) -> list[_Call[ItemT]]:
        group: list[_Call[ItemT]] = []
        items = 0
        while self._waiting:
            items += len(self._waiting[0].items)
            if group and items > self._max_items:
                break
            call = self._waiting.popleft()
            if call.done.done():  # cancelled
                items -= len(call.items)
            else:
                group.append(call)
        return group

    def _finish(self, group: list[_Call[ItemT]], outcome: "asyncio.Future[Sequence[Exception | None]]") -> None:
        error = outcome.exception()
        replies = [error] * len(group) if error else outcome.result()
        for call, reply in zip(group, replies, strict=True):
            if call.done.done():
                continue
            if reply is None:
                call.done.set_result(None)
            else:
                call.done.set_exception(reply)
        self._start()
