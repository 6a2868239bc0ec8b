"""The images that wait for a model: two lanes, so that expensive images never delay ordinary ones.

The cost of an image is estimated before anything is decoded (``serve_app.images.cost``). An image of one lane does not
wait for a slot of the other, and no batch contains images of both.
"""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from serve_app.batching.adaptive_batcher import AdaptiveBatcher
from serve_app.config import QueueArguments
from serve_app.errors import Overloaded

JobT = TypeVar("JobT")
AnswerT = TypeVar("AnswerT")


class ImageQueue(Generic[JobT, AnswerT]):
    """Sends ordinary images to ``run`` in batches, expensive ones alone, which a caller can stop by cancelling."""

    def __init__(
        self, run: Callable[[list[JobT]], Awaitable[Sequence[AnswerT | Exception]]], limits: QueueArguments
    ) -> None:
        self._expensive_cost = limits.expensive_cost
        self._ordinary = AdaptiveBatcher(
            run,
            slots=limits.batches_per_classifier,
            max_batch=limits.max_batch,
            max_waiting=limits.max_waiting,
            max_bytes=limits.max_batch_mib << 20,
            max_cost=limits.max_batch_cost,
        )
        self._expensive = AdaptiveBatcher(run, slots=1, max_batch=1, max_waiting=limits.max_waiting, cancels=True)
        self._lanes = (self._ordinary, self._expensive)

    @property
    def waiting_images(self) -> int:
        return sum(lane.waiting_images for lane in self._lanes)

    @property
    def running_images(self) -> int:
        return sum(lane.running_images for lane in self._lanes)

    @property
    def expensive_images(self) -> int:
        """Expensive images that wait or are in progress."""
        return self._expensive.waiting_images + self._expensive.running_images

    @property
    def slots(self) -> tuple[int, int]:
        """Batches of ordinary images, and expensive images, that may be in progress."""
        return self._ordinary.slots, self._expensive.slots

    @slots.setter
    def slots(self, slots: tuple[int, int]) -> None:
        self._ordinary.slots, self._expensive.slots = slots

    @property
    def is_full(self) -> bool:
        """Whether some clients have no place for another image."""
        return self._ordinary.is_full

    def overload(self, client: Hashable) -> Overloaded | None:
        """The error if there is no place for another image of the client; see :class:`AdaptiveBatcher`."""
        return self._ordinary.overload(client)

    async def submit(self, job: JobT, deadline: float, *, size: int, client: Hashable, cost: float) -> AnswerT:
        """Queue an image of ``size`` bytes. Raises like :meth:`AdaptiveBatcher.submit`."""
        lane = self._lanes[cost > self._expensive_cost]
        return await lane.submit(job, deadline, size=size, client=client, cost=cost)

    async def close(self) -> None:
        for lane in self._lanes:
            await lane.close()
