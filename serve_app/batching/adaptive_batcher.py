"""Adaptive batching: waiting items leave as one batch as soon as a slot is free.

There is no timer. While a slot is free, an item leaves immediately, alone; while all slots are busy, items accumulate,
and the next free slot takes them as one batch. Batches therefore grow with the load, at no cost in latency. Clients
share the batches and the places in the queue fairly. The ingress uses it to send images through the pipeline, the
Classifier to merge batches.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Generic, TypeVar

from serve_app.batching.fair_queue import FairQueue
from serve_app.errors import DeadlineExceeded, Overloaded

ItemT = TypeVar("ItemT")
ReplyT = TypeVar("ReplyT")


@dataclass(eq=False, slots=True)
class _Waiting(Generic[ItemT, ReplyT]):
    item: ItemT
    client: Hashable
    cost: float
    images: int
    size: int
    deadline: float
    reply: asyncio.Future[ReplyT]
    batch: asyncio.Task[None] | None = None


class AdaptiveBatcher(Generic[ItemT, ReplyT]):
    """A bounded queue in front of ``run``, which returns one reply or one exception per item of a batch, in order.

    For use on one event loop. Cancelling :meth:`submit` immediately removes a waiting item from the queue.
    """

    def __init__(
        self,
        run: Callable[[list[ItemT]], Awaitable[Sequence[ReplyT | Exception]]],
        *,
        slots: int,
        max_batch: int,
        max_waiting: int,
        max_bytes: float = math.inf,
        max_cost: float = math.inf,
        cancels: bool = False,
    ) -> None:
        """Up to ``slots`` batches of up to ``max_batch`` images run concurrently; at most ``max_waiting`` images wait.

        ``max_bytes``, ``max_cost``: per batch; a larger item is a batch of its own. ``cancels``: cancel a running batch
        once no caller waits for any of its items.
        """
        self._run = run
        self._slots = slots
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes
        self._max_cost = max_cost
        self._cancels = cancels
        self._queue = FairQueue[_Waiting[ItemT, ReplyT]]()
        self._batches: dict[asyncio.Task[None], list[_Waiting[ItemT, ReplyT]]] = {}
        self.running_images = 0

    @property
    def waiting_images(self) -> int:
        return self._queue.images

    @property
    def slots(self) -> int:
        return self._slots

    @slots.setter
    def slots(self, slots: int) -> None:
        self._slots = slots
        self._dispatch()

    @property
    def is_full(self) -> bool:
        """Whether another image would have to take the place of one that waits."""
        return bool(self._queue) and self._queue.images >= self._max_waiting

    def overload(self, client: Hashable = "", images: int = 1) -> Overloaded | None:
        """The error for so many images of a client if the queue has no place for them.

        A full queue has room as long as another client has more images in it than this one would have. An empty queue
        has room for any number.
        """
        queue = self._queue
        if (
            queue
            and queue.images + images > self._max_waiting
            and queue.images_of(client) + images >= queue.largest_share()
        ):
            return self._overloaded()
        return None

    async def submit(
        self, item: ItemT, deadline: float, images: int = 1, *, size: int = 0, client: Hashable = "", cost: float = 1.0
    ) -> ReplyT:
        """Queue an item of ``images`` images and ``size`` bytes, and return its reply.

        ``deadline``: Unix seconds. Clients get equal shares by the ``cost`` of their items, in any unit. Raises
        Overloaded, also later if clients with fewer images need the place, DeadlineExceeded, or the exception that
        ``run`` returns for the item.
        """
        self._make_room(client, images)
        reply: asyncio.Future[ReplyT] = asyncio.get_running_loop().create_future()
        waiting = _Waiting[ItemT, ReplyT](item, client, cost, images, size, deadline, reply)
        self._queue.push(waiting)
        self._dispatch()
        try:
            async with asyncio.timeout(max(0.0, deadline - time.time())):
                return await reply
        except TimeoutError:
            raise DeadlineExceeded("The deadline passed before the image was classified; allow more time.") from None
        finally:
            self._queue.remove(waiting)
            if self._cancels:
                self._cancel_if_abandoned(waiting.batch)
            if reply.done() and not reply.cancelled():
                reply.exception()  # marks it as retrieved, even if the caller was just cancelled

    def _make_room(self, client: Hashable, images: int) -> None:
        """Reject the newest images of the clients with the most images, or raise Overloaded."""
        while self._queue and self._queue.images + images > self._max_waiting:
            if error := self.overload(client, images):
                raise error
            rejected = self._queue.pop_newest_of_largest()
            if not rejected.reply.done():
                rejected.reply.set_exception(self._overloaded())

    def _overloaded(self) -> Overloaded:
        return Overloaded(f"{self._queue.images} images are already waiting; try again in a moment.")

    def _cancel_if_abandoned(self, batch: asyncio.Task[None] | None) -> None:
        if batch and all(waiting.reply.done() for waiting in self._batches.get(batch, ())):
            batch.cancel()

    def _dispatch(self) -> None:
        while self._queue and len(self._batches) < self._slots:
            batch = self._take()
            if not batch:
                continue
            self.running_images += sum(waiting.images for waiting in batch)
            # An empty context, because Ray cancels all calls of a request's context when its client disconnects.
            task = asyncio.create_task(self._answer(batch), context=Context())
            self._batches[task] = batch
            for waiting in batch:
                waiting.batch = task
            task.add_done_callback(self._finished)

    def _take(self) -> list[_Waiting[ItemT, ReplyT]]:
        """Remove the next items that fit one batch, and at least one; items past their deadline fail."""
        batch: list[_Waiting[ItemT, ReplyT]] = []
        images, size, cost, now = 0, 0, 0.0, time.time()
        while self._queue:
            waiting = self._queue.peek()
            images, size, cost = images + waiting.images, size + waiting.size, cost + waiting.cost
            if batch and (images > self._max_batch or size > self._max_bytes or cost > self._max_cost):
                break
            self._queue.pop()
            if not waiting.reply.done() and waiting.deadline > now:
                batch.append(waiting)
                continue
            images, size, cost = images - waiting.images, size - waiting.size, cost - waiting.cost
            if not waiting.reply.done():
                waiting.reply.set_exception(DeadlineExceeded("The deadline passed while the image was queued."))
        return batch

    async def _answer(self, batch: list[_Waiting[ItemT, ReplyT]]) -> None:
        try:
            replies = await self._run([waiting.item for waiting in batch])
            if len(replies) != len(batch):
                raise RuntimeError(f"{len(replies)} replies for {len(batch)} items")
        except Exception as error:  # every caller must receive it
            replies = [error] * len(batch)
        for waiting, reply in zip(batch, replies, strict=True):
            if waiting.reply.done():
                continue
            if isinstance(reply, Exception):
                waiting.reply.set_exception(reply)
            else:
                waiting.reply.set_result(reply)

    def _finished(self, task: asyncio.Task[None]) -> None:
        batch = self._batches.pop(task)
        self.running_images -= sum(waiting.images for waiting in batch)
        if task.cancelled():
            for waiting in batch:
                waiting.reply.cancel()
        self._dispatch()

    async def close(self) -> None:
        """Cancel all waiting items and running batches."""
        self._slots = 0
        for waiting in self._queue.clear():
            waiting.reply.cancel()
        batches = list(self._batches)
        for task in batches:
            task.cancel()
        await asyncio.gather(*batches, return_exceptions=True)
