"""The way of a batch when replicas die: tried again whole, then image by image, and given up politely."""

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
from serve_app.pipeline import ATTEMPTS, Job, Pipeline, is_lost
from serve_app.request_context import BatchContext
from serve_app.types import Query, Record


class Stage:
    """A handle whose every method is one coroutine function."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        self.answer = answer
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, _name: str) -> "Stage":
        return self

    async def remote(self, *arguments: Any) -> Any:
        resolved = [await argument if asyncio.iscoroutine(argument) else argument for argument in arguments]
        resolved = [argument for argument in resolved if not isinstance(argument, BatchContext)]
        self.calls.append(tuple(resolved))
        return self.answer(*resolved)


def job(name: str) -> Job:
    now = time.time()
    return Job(Query(name, now, now + 9, "m", "0" * 64, None, 5, 0.0), name.encode())


async def classified(chain: Pipeline, *names: str) -> list[Any]:
    return list(await chain.classify_with_retries("m", [job(name) for name in names]))


def pipeline(die_of: Callable[[list[str]], bool]) -> tuple[Pipeline, Stage]:
    """Answers each image with its data; the Classifier dies of batches (names of the images) as told."""

    def classify(images: list[str]) -> list[str]:
        if die_of(images):
            raise ActorDiedError
        return images

    preprocessor = Stage(lambda _model, images, _deadlines: [image.decode() for image in images])
    classifier = Stage(classify)
    results = Stage(lambda _model, _queries, classified: classified)
    return Pipeline(preprocessor, {"m": classifier}, results), classifier


@pytest.fixture(autouse=True)
def waits() -> Iterator[list[float]]:
    """The pauses between the attempts, not waited for."""
    asked: list[float] = []

    async def sleep(seconds: float) -> None:
        asked.append(seconds)
        await asyncio.sleep(0)

    with patch("serve_app.pipeline.asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep})):
        yield asked


async def test_the_chain() -> None:
    chain, classifier = pipeline(lambda _: False)
    assert await classified(chain, "a", "b") == ["a", "b"]
    assert classifier.calls == [(["a", "b"],)]


async def test_a_loss_is_tried_again_whole() -> None:
    losses = [True]
    chain, classifier = pipeline(lambda _: bool(losses and losses.pop()))
    assert await classified(chain, "a", "b") == ["a", "b"]
    assert classifier.calls == [(["a", "b"],)] * 2


async def test_a_second_loss_parts_the_images() -> None:
    losses = [True, True]
    chain, classifier = pipeline(lambda _: bool(losses and losses.pop()))
    assert await classified(chain, "a", "b") == ["a", "b"]
    assert classifier.calls[2:] == [(["a"],), (["b"],)]


async def test_poison_is_given_up_alone(waits: list[float]) -> None:
    chain, classifier = pipeline(lambda images: "poison" in images)
    answers = await classified(chain, "a", "poison", "b")
    assert (answers[0], answers[2]) == ("a", "b")
    assert isinstance(answers[1], Unavailable)
    assert answers[1].retry_after
    tries = Counter(name for (images,) in classifier.calls for name in images)
    assert tries == {"poison": ATTEMPTS, "a": 3, "b": 3}
    assert len(waits) > ATTEMPTS - 2
    assert waits == sorted(waits), "each pause is longer than the one before"


async def test_an_error_of_ours_is_not_tried_again() -> None:
    def full(*_: Any) -> None:
        raise Overloaded("full")

    chain, _ = pipeline(lambda _: False)
    classifier = Stage(full)
    answers = await Pipeline(chain.preprocessor, {"m": classifier}, chain.results).classify_with_retries(
        "m", [job("a")] * 2
    )
    assert [type(answer) for answer in answers] == [Overloaded] * 2
    assert len(classifier.calls) == 1


async def test_a_defect_is_not_tried_again() -> None:
    def defect(*_: Any) -> None:
        raise ZeroDivisionError

    chain, _ = pipeline(lambda _: False)
    classifier = Stage(defect)
    with pytest.raises(ZeroDivisionError):
        await Pipeline(chain.preprocessor, {"m": classifier}, chain.results).classify_with_retries("m", [job("a")])
    assert len(classifier.calls) == 1


@pytest.mark.parametrize("losses", [0, 1, ATTEMPTS - 1, ATTEMPTS])
async def test_records(losses: int) -> None:
    left = [ActorDiedError() for _ in range(losses)]

    def keep(_records: list[Record]) -> None:
        if left:
            raise left.pop()

    results = Stage(keep)
    chain = Pipeline(Stage(keep), {}, results)
    records: list[Any] = ["one", "two"]
    if losses < ATTEMPTS:
        assert await chain.record(records) == [None, None]
        assert results.calls == [(records,)] * (losses + 1)
    else:
        with pytest.raises(Unavailable):
            await chain.record(records)


def test_what_counts_as_a_loss() -> None:
    wrapped = RuntimeError("the reply could not be read")
    wrapped.__cause__ = ActorDiedError()
    assert is_lost(ActorDiedError())
    assert is_lost(ConnectionResetError())
    assert is_lost(wrapped)
    assert not is_lost(ValueError())
    assert not is_lost(RaylensError("no"))


async def test_a_batch_that_never_comes_back_is_given_up_after_its_deadline() -> None:
    """It would hold its slot for ever, and with the last slot the ingress would stand still."""

    class Silent(Stage):
        async def remote(self, *arguments: Any) -> Any:
            await super().remote(*arguments)
            await asyncio.Event().wait()

    chain = Pipeline(Stage(lambda *_: []), {"m": Stage(lambda *_: [])}, Silent(lambda *_: []))
    now = time.time()
    late = [
        Job(Query(name, now, now + within_s, "m", "0" * 64, None, 5, 0.0), b"")
        for name, within_s in (("a", 0), ("b", 0.1))
    ]
    with patch("serve_app.pipeline.LINGER_S", 0.1):
        answers = await asyncio.wait_for(chain.classify_with_retries("m", late), 5)
    assert [type(answer) for answer in answers] == [DeadlineExceeded] * 2
