"""Adaptive batching: what waits leaves together, and nothing waits while a slot is free.

There is no timer. While a slot is free an item leaves at once, alone; while all slots are busy the items pile up
and the next free slot takes them as one batch. So the batch grows with the load and latency is not traded for it.
The ingress uses it to send images down the graph, the Classifier to merge the batches that reach it.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Generic, TypeVar

from serve_app.errors import DeadlineExceeded, Overloaded

ItemT = TypeVar("ItemT")
ReplyT = TypeVar("ReplyT")


@dataclass(eq=False, slots=True)
class _Waiting(Generic[ItemT, ReplyT]):
    item: ItemT
    images: int
    size: int
    deadline: float
    reply: asyncio.Future[ReplyT]


class AdaptiveBatcher(Generic[ItemT, ReplyT]):
    """A bounded queue in front of ``run``, which answers a batch: one reply or one exception per item, in order.

    Belongs to one event loop. Cancelling :meth:`submit` takes a waiting item out of the queue at once.
    """

    def __init__(
        self,
        run: Callable[[list[ItemT]], Awaitable[Sequence[ReplyT | Exception]]],
        *,
        slots: int,
        max_batch: int,
        max_waiting: int,
        max_bytes: int | None = None,
    ) -> None:
        """``slots`` batches of up to ``max_batch`` images run at once; at most ``max_waiting`` images wait.

        ``max_bytes``: of a batch; one item alone may have more.
        """
        self._run = run
        self._slots = slots
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._max_bytes = math.inf if max_bytes is None else max_bytes
        self._queue: OrderedDict[_Waiting[ItemT, ReplyT], None] = OrderedDict()
        self._batches: set[asyncio.Task[None]] = set()
        self.waiting_images = 0
        self.running_images = 0

    @property
    def slots(self) -> int:
        return self._slots

    @slots.setter
    def slots(self, slots: int) -> None:
        self._slots = slots
        self._dispatch()

    def raise_if_full(self, images: int = 1) -> None:
        """Raise :class:`Overloaded` if so many images could not wait now. An empty queue takes any number."""
        if self._queue and self.waiting_images + images > self._max_waiting:
            raise Overloaded(f"{self.waiting_images} images are waiting already; try again in a moment.")

    async def submit(self, item: ItemT, deadline: float, images: int = 1, size: int = 0) -> ReplyT:
        """Reply to ``item``, which has ``size`` bytes.

        Raises Overloaded, DeadlineExceeded (``deadline`` in Unix seconds) or its own error.
        """
        self.raise_if_full(images)
        waiting = _Waiting[ItemT, ReplyT](item, images, size, deadline, asyncio.get_running_loop().create_future())
        self._queue[waiting] = None
        self.waiting_images += images
        self._dispatch()
        try:
            async with asyncio.timeout(max(0.0, deadline - time.time())):
                return await waiting.reply
        except TimeoutError:
            raise DeadlineExceeded("The deadline passed before the answer was there; allow more time.") from None
        finally:
            self._forget(waiting)
            if waiting.reply.done() and not waiting.reply.cancelled():
                waiting.reply.exception()  # seen, also where the caller was cancelled at this very moment

    def _forget(self, waiting: _Waiting[ItemT, ReplyT]) -> None:
        if waiting in self._queue:
            del self._queue[waiting]
            self.waiting_images -= waiting.images

    def _dispatch(self) -> None:
        while self._queue and len(self._batches) < self._slots:
            batch = self._take()
            if not batch:
                continue
            self.running_images += sum(waiting.images for waiting in batch)
            # A fresh context: Ray cancels what was called in a request's context when that request's client leaves.
            task = asyncio.create_task(self._answer(batch), context=Context())
            self._batches.add(task)
            task.add_done_callback(self._finished)

    def _take(self) -> list[_Waiting[ItemT, ReplyT]]:
        """Oldest items that fit one batch (the first always does); those past their deadline are dropped."""
        batch: list[_Waiting[ItemT, ReplyT]] = []
        images, size, now = 0, 0, time.time()
        while self._queue:
            waiting = next(iter(self._queue))
            full = images + waiting.images > self._max_batch or size + waiting.size > self._max_bytes
            if batch and full:
                break
            self._queue.popitem(last=False)
            self.waiting_images -= waiting.images
            if waiting.reply.done():
                continue
            if waiting.deadline <= now:
                waiting.reply.set_exception(DeadlineExceeded("The deadline passed while the image was queued."))
                continue
            batch.append(waiting)
            images += waiting.images
            size += waiting.size
        return batch

    async def _answer(self, batch: list[_Waiting[ItemT, ReplyT]]) -> None:
        try:
            replies = await self._run([waiting.item for waiting in batch])
            if len(replies) != len(batch):
                raise RuntimeError(f"{len(batch)} items went in, {len(replies)} replies came out")
        except Exception as error:  # every waiter must hear of it, whatever it is
            replies = [error] * len(batch)
        except asyncio.CancelledError:
            for waiting in batch:
                waiting.reply.cancel()
            raise
        finally:
            self.running_images -= sum(waiting.images for waiting in batch)
        for waiting, reply in zip(batch, replies, strict=True):
            if waiting.reply.done():
                continue
            if isinstance(reply, Exception):
                waiting.reply.set_exception(reply)
            else:
                waiting.reply.set_result(reply)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._dispatch()

    async def close(self) -> None:
        """Cancel what waits and what runs."""
        self._slots = 0
        for waiting in list(self._queue):
            waiting.reply.cancel()
        batches = list(self._batches)
        for task in batches:
            task.cancel()
        await asyncio.gather(*batches, return_exceptions=True)
