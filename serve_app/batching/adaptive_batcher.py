"""Adaptive batching: waiting items leave as one batch as soon as a slot is free.

There is no timer. While a slot is free, an item leaves immediately, alone; while all slots are busy, items accumulate,
and the next free slot takes them as one batch. Batches therefore grow with the load, at no cost in latency. The ingress
uses it to send images through the pipeline, the Classifier to merge batches.
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
        max_bytes: int | None = None,
    ) -> None:
        """Up to ``slots`` batches of up to ``max_batch`` images run concurrently; at most ``max_waiting`` images wait.

        ``max_bytes``: per batch; a larger item is a batch of its own.
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
        """Raise Overloaded if the queue has no room for so many images. An empty queue has room for any number."""
        if self._queue and self.waiting_images + images > self._max_waiting:
            raise Overloaded(f"{self.waiting_images} images are already waiting; try again in a moment.")

    async def submit(self, item: ItemT, deadline: float, images: int = 1, size: int = 0) -> ReplyT:
        """Queue an item of ``images`` images and ``size`` bytes, and return its reply.

        ``deadline``: Unix seconds. Raises Overloaded, DeadlineExceeded, or the exception that ``run`` returns for the
        item.
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
            raise DeadlineExceeded("The deadline passed before the image was classified; allow more time.") from None
        finally:
            self._forget(waiting)
            if waiting.reply.done() and not waiting.reply.cancelled():
                waiting.reply.exception()  # marks it as retrieved, even if the caller was just cancelled

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
            # An empty context, because Ray cancels all calls of a request's context when its client disconnects.
            task = asyncio.create_task(self._answer(batch), context=Context())
            self._batches.add(task)
            task.add_done_callback(self._finished)

    def _take(self) -> list[_Waiting[ItemT, ReplyT]]:
        """Remove the oldest items that fit one batch, and at least one; items past their deadline fail."""
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
                raise RuntimeError(f"{len(replies)} replies for {len(batch)} items")
        except Exception as error:  # every caller must receive it
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
        """Cancel all waiting items and running batches."""
        self._slots = 0
        for waiting in list(self._queue):
            waiting.reply.cancel()
        batches = list(self._batches)
        for task in batches:
            task.cancel()
        await asyncio.gather(*batches, return_exceptions=True)
