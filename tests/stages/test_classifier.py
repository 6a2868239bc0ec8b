"""The Classifier: one result per batch; waiting batches are merged and split again without losing any."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from models.arrays import Float32Array, UInt8Array
from models.runtimes.fake import FakeRuntime, class_of
from serve_app.errors import CorruptImage, DeadlineExceeded, Overloaded
from serve_app.stages.classifier import Classifier
from serve_app.types import ImageInfo, Preprocessed

SIZE = 8


class GatedRuntime(FakeRuntime):
    """Blocks while the gate is closed."""

    def __init__(self, buckets: tuple[int, ...] = (1, 2, 4)) -> None:
        super().__init__((SIZE, SIZE, 3), 1000, batch_buckets=buckets)
        self.gate = threading.Event()
        self.gate.set()
        self.batches: list[int] = []
        self.running = 0
        self.most_running = 0

    def predict(self, tensor: UInt8Array) -> Float32Array:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        assert self.gate.wait(10)
        self.running -= 1
        self.batches.append(len(tensor))
        return super().predict(tensor)


def batch(*levels: int, deadline: float | None = None) -> Preprocessed:
    """One image per grey level."""
    tensor = np.stack([np.full((SIZE, SIZE, 3), level, np.uint8) for level in levels])
    deadlines = [time.time() + 10 if deadline is None else deadline] * len(levels)
    return Preprocessed(tensor, [ImageInfo("PNG", SIZE, SIZE)] * len(levels), deadlines, 1.5)


def expected(*levels: int) -> list[int]:
    return [class_of(np.full((1, 1, 3), level, np.uint8)) for level in levels]


@pytest.fixture
def runtime() -> GatedRuntime:
    return GatedRuntime()


@pytest_asyncio.fixture
async def classifier(runtime: GatedRuntime) -> AsyncIterator[Classifier]:
    classifier = Classifier(runtime, concurrency=1, max_waiting=8)
    yield classifier
    runtime.gate.set()


async def test_one_row_per_image(classifier: Classifier) -> None:
    classified = await classifier.classify(batch(0, 100, 255))
    assert classified.probabilities.shape == (3, 1000)
    assert classified.probabilities.argmax(axis=1).tolist() == expected(0, 100, 255)
    assert (classified.batch_size, classified.runtime, classified.precision) == (3, "fake", "fp32")
    assert classified.preprocess_ms == 1.5
    assert classified.inference_ms > 0
    assert classified.queue_ms >= 0


async def test_busy_time_is_the_time_of_model_calls(classifier: Classifier) -> None:
    calls = [await classifier.classify(batch(1)) for _ in range(3)]
    assert classifier.busy_s == pytest.approx(sum(call.inference_ms for call in calls) / 1e3)


async def test_a_batch_without_valid_images(classifier: Classifier, runtime: GatedRuntime) -> None:
    outcomes = [CorruptImage("cut"), CorruptImage("short")]
    empty = Preprocessed(np.empty((0, SIZE, SIZE, 3), np.uint8), list(outcomes), [], 1.0)
    classified = await classifier.classify(empty)
    assert classified.outcomes == outcomes
    assert (classified.batch_size, classified.inference_ms, runtime.batches) == (0, 0.0, [])


async def test_waiting_batches_are_merged_and_split_again(classifier: Classifier, runtime: GatedRuntime) -> None:
    runtime.gate.clear()
    levels = [(0,), (30, 60), (90,), (120,), (150, 180, 210)]
    replies = [asyncio.create_task(classifier.classify(batch(*some))) for some in levels]
    await asyncio.sleep(0.1)
    assert classifier.waiting_images == 7
    runtime.gate.set()
    for some, reply in zip(levels, await asyncio.gather(*replies), strict=True):
        assert reply.probabilities.argmax(axis=1).tolist() == expected(*some)
    assert runtime.batches == [1, 4, 3]
    assert classifier.waiting_images == 0


async def test_a_batch_larger_than_the_largest_bucket_is_split(classifier: Classifier, runtime: GatedRuntime) -> None:
    levels = list(range(0, 250, 25))
    classified = await classifier.classify(batch(*levels))
    assert classified.probabilities.argmax(axis=1).tolist() == expected(*levels)
    assert runtime.batches == [4, 4, 2]


async def test_a_full_queue_rejects_batches(classifier: Classifier, runtime: GatedRuntime) -> None:
    runtime.gate.clear()
    accepted = [asyncio.create_task(classifier.classify(batch(*[1] * count))) for count in (1, 4, 4)]
    await asyncio.sleep(0.1)
    with pytest.raises(Overloaded):
        await classifier.classify(batch(1))
    runtime.gate.set()
    assert [len(reply.probabilities) for reply in await asyncio.gather(*accepted)] == [1, 4, 4]


async def test_a_batch_past_its_deadline_is_not_run(classifier: Classifier, runtime: GatedRuntime) -> None:
    runtime.gate.clear()
    first = asyncio.create_task(classifier.classify(batch(1)))
    await asyncio.sleep(0.05)
    with pytest.raises(DeadlineExceeded):
        await classifier.classify(batch(2, deadline=time.time() + 0.1))
    runtime.gate.set()
    await first
    assert runtime.batches == [1]


async def test_a_batch_runs_if_the_deadline_of_one_image_has_not_passed(classifier: Classifier) -> None:
    mixed = batch(1, 2)
    mixed.deadlines[0] = time.time() - 1
    assert len((await classifier.classify(mixed)).probabilities) == 2


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_the_number_of_concurrent_model_calls_is_limited(runtime: GatedRuntime, concurrency: int) -> None:
    classifier = Classifier(runtime, concurrency=concurrency, max_waiting=100)
    runtime.gate.clear()
    replies = [asyncio.create_task(classifier.classify(batch(1, 2, 3, 4))) for _ in range(4)]
    await asyncio.sleep(0.2)
    runtime.gate.set()
    await asyncio.gather(*replies)
    assert runtime.most_running == concurrency


async def test_too_few_rows_are_an_error(runtime: GatedRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "predict", lambda tensor: np.zeros((len(tensor) - 1, 1000), np.float32))
    classifier = Classifier(runtime, concurrency=1, max_waiting=8)
    with pytest.raises(RuntimeError, match="1 rows for 2"):
        await classifier.classify(batch(1, 2))


async def test_an_error_of_the_model_does_not_affect_later_batches(
    classifier: Classifier, runtime: GatedRuntime
) -> None:
    wrong = Preprocessed(np.zeros((1, 3, 3, 3), np.uint8), [ImageInfo("PNG", 3, 3)], [time.time() + 9], 0.0)
    with pytest.raises(Exception, match=r"\(1, 3, 3, 3\)|3"):
        await classifier.classify(wrong)
    assert len((await classifier.classify(batch(1))).probabilities) == 1
