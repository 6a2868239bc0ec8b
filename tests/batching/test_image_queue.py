"""The queue of images: expensive ones never delay ordinary ones."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from serve_app.batching.image_queue import ImageQueue
from serve_app.config import QueueArguments
from serve_app.errors import DeadlineExceeded

ORDINARY, EXPENSIVE = 1.0, 50.0
LIMITS = QueueArguments(batches_per_classifier=1)


class Runner:
    """Answers batches without images of 100 and more; the others wait until they are cancelled."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.cancelled: list[int] = []

    async def __call__(self, images: list[int]) -> Sequence[int | Exception]:
        self.batches.append(images)
        if max(images) >= 100:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += images
                raise
        return images


async def submit(queue: ImageQueue[int, int], image: int, within_s: float = 9.0) -> int:
    cost = EXPENSIVE if image >= 100 else ORDINARY
    return await queue.submit(image, time.time() + within_s, size=1, client="one", cost=cost)


async def test_ordinary_images_pass_expensive_ones_of_the_same_client() -> None:
    run = Runner()
    queue = ImageQueue(run, LIMITS)
    slow = [asyncio.create_task(submit(queue, image)) for image in range(100, 120)]
    await asyncio.sleep(0)
    assert await asyncio.gather(*(submit(queue, image) for image in range(20))) == list(range(20))
    assert queue.expensive_images == queue.waiting_images + queue.running_images == 20
    assert [batch for batch in run.batches if max(batch) >= 100] == [[100]], "each is sent alone"
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    await queue.close()


async def test_an_expensive_image_is_stopped_when_its_client_disconnects_and_at_its_deadline() -> None:
    run = Runner()
    queue = ImageQueue(run, LIMITS)
    first = asyncio.create_task(submit(queue, 100))
    second = asyncio.create_task(submit(queue, 101, within_s=0.05))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(DeadlineExceeded):
        await second
    await asyncio.sleep(0)
    assert run.cancelled == [100, 101]
    assert queue.expensive_images == 0
