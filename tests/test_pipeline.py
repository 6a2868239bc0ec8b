"""The pipeline, in particular its retries when replicas die."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from ray.exceptions import ActorDiedError

from serve_app.errors import DeadlineExceeded, Overloaded, RaylensError, Unavailable
from serve_app.handles import ClassifierHandle, PreprocessorHandle, ResultsHandle
from serve_app.pipeline import PIPELINE_ATTEMPTS, Job, Pipeline, is_replica_loss
from serve_app.request_context import BatchContext
from serve_app.types import Query, Record


class FakeHandle:
    """A handle all of whose methods call one function, without the batch context."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, _name: str) -> "FakeHandle":
        return self

    async def remote(self, *arguments: object) -> Any:
        passed = tuple(argument for argument in arguments if not isinstance(argument, BatchContext))
        self.calls.append(passed)
        return self.function(*passed)


def pipeline_of(preprocessor: FakeHandle, classifier: FakeHandle, results: FakeHandle) -> Pipeline:
    return Pipeline(PreprocessorHandle(preprocessor), {"m": ClassifierHandle(classifier)}, ResultsHandle(results))


def nothing(*_: object) -> list[object]:
    return []


def job(name: str) -> Job:
    now = time.time()
    return Job(Query(name, now, now + 9, "m", "0" * 64, None, 5, 0.0), name.encode())


async def classified(chain: Pipeline, *names: str) -> list[Any]:
    return list(await chain.classify_with_retries("m", [job(name) for name in names]))


def pipeline_with(classifier: FakeHandle) -> Pipeline:
    """Answers each image with its data, which is its name."""
    return pipeline_of(
        FakeHandle(lambda _model, images, _deadlines: [image.decode() for image in images]),
        classifier,
        FakeHandle(lambda _model, _queries, classified: classified),
    )


def pipeline(is_deadly: Callable[[list[str]], bool]) -> tuple[Pipeline, FakeHandle]:
    """The Classifier dies of batches (names of the images) for which ``is_deadly`` is true."""

    def classify(images: list[str]) -> list[str]:
        if is_deadly(images):
            raise ActorDiedError
        return images

    classifier = FakeHandle(classify)
    return pipeline_with(classifier), classifier


@pytest.fixture(autouse=True)
def waits() -> Iterator[list[float]]:
    """The delays between the attempts, which are skipped."""
    delays: list[float] = []

    async def sleep(seconds: float) -> None:
        delays.append(seconds)
        await asyncio.sleep(0)

    with patch("serve_app.pipeline.asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep})):
        yield delays


async def test_images_pass_all_stages() -> None:
    chain, classifier = pipeline(lambda _: False)
    assert await classified(chain, "a", "b") == ["a", "b"]
    assert classifier.calls == [(["a", "b"],)]


async def test_the_first_retry_sends_the_whole_batch() -> None:
    losses = [True]
    chain, classifier = pipeline(lambda _: bool(losses and losses.pop()))
    assert await classified(chain, "a", "b") == ["a", "b"]
    assert classifier.calls == [(["a", "b"],)] * 2


async def test_further_retries_send_each_image_alone() -> None:
    losses = [True, True]
    chain, classifier = pipeline(lambda _: bool(losses and losses.pop()))
    assert await classified(chain, "a", "b") == ["a", "b"]
    assert classifier.calls[2:] == [(["a"],), (["b"],)]


async def test_an_image_that_kills_its_replica_fails_alone(waits: list[float]) -> None:
    chain, classifier = pipeline(lambda images: "poison" in images)
    answers = await classified(chain, "a", "poison", "b")
    assert (answers[0], answers[2]) == ("a", "b")
    assert isinstance(answers[1], Unavailable)
    assert answers[1].retry_after
    tries = Counter(name for (images,) in classifier.calls for name in images)
    assert tries == {"poison": PIPELINE_ATTEMPTS, "a": 3, "b": 3}
    assert len(waits) > PIPELINE_ATTEMPTS - 2
    assert waits == sorted(waits), "each pause is longer than the one before"


async def test_a_raylens_error_is_not_retried() -> None:
    def full(*_: Any) -> None:
        raise Overloaded("full")

    classifier = FakeHandle(full)
    answers = await pipeline_with(classifier).classify_with_retries("m", [job("a")] * 2)
    assert [type(answer) for answer in answers] == [Overloaded] * 2
    assert len(classifier.calls) == 1


async def test_a_defect_is_not_retried() -> None:
    def defect(*_: Any) -> None:
        raise ZeroDivisionError

    classifier = FakeHandle(defect)
    with pytest.raises(ZeroDivisionError):
        await pipeline_with(classifier).classify_with_retries("m", [job("a")])
    assert len(classifier.calls) == 1


@pytest.mark.parametrize("losses", [0, 1, PIPELINE_ATTEMPTS - 1, PIPELINE_ATTEMPTS])
async def test_records_are_retried(losses: int) -> None:
    left = [ActorDiedError() for _ in range(losses)]

    def store(_records: list[Record]) -> None:
        if left:
            raise left.pop()

    results = FakeHandle(store)
    chain = pipeline_of(FakeHandle(nothing), FakeHandle(nothing), results)
    records: list[Any] = ["one", "two"]
    if losses < PIPELINE_ATTEMPTS:
        assert await chain.record(records) == [None, None]
        assert results.calls == [(records,)] * (losses + 1)
    else:
        with pytest.raises(Unavailable):
            await chain.record(records)


def test_errors_that_count_as_replica_loss() -> None:
    wrapped = RuntimeError("the reply could not be read")
    wrapped.__cause__ = ActorDiedError()
    assert is_replica_loss(ActorDiedError())
    assert is_replica_loss(ConnectionResetError())
    assert is_replica_loss(wrapped)
    assert not is_replica_loss(ValueError())
    assert not is_replica_loss(RaylensError("no"))


async def test_a_batch_that_never_returns_is_abandoned_after_its_deadline() -> None:
    """Otherwise it would occupy its slot forever."""

    class Silent(FakeHandle):
        async def remote(self, *arguments: object) -> Any:
            await super().remote(*arguments)
            await asyncio.Event().wait()

    chain = pipeline_of(FakeHandle(nothing), FakeHandle(nothing), Silent(nothing))
    now = time.time()
    late = [
        Job(Query(name, now, now + within_s, "m", "0" * 64, None, 5, 0.0), b"")
        for name, within_s in (("a", 0), ("b", 0.1))
    ]
    with patch("serve_app.pipeline.ABANDON_AFTER_S", 0.1):
        answers = await asyncio.wait_for(chain.classify_with_retries("m", late), 5)
    assert [type(answer) for answer in answers] == [DeadlineExceeded] * 2
