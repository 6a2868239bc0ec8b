"""Retries when replicas die: the whole batch first, then image by image, then an error per image."""

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
    """A handle whose methods all call ``answer``."""

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
    """Returns the data of each image; the Classifier dies of the batches for which ``die_of`` is true."""

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
    """The pauses between the attempts, which the tests skip."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    with patch("serve_app.pipeline.asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep})):
        yield pauses


async def test_images_pass_through_all_stages() -> None:
    chain, classifier = pipeline(lambda _: False)
    assert await classified(chain, "a", "b") == ["a", "b"]
    assert classifier.calls == [(["a", "b"],)]


async def test_a_lost_batch_is_retried_as_a_whole() -> None:
    losses = [True]
    chain, classifier = pipeline(lambda _: bool(losses and losses.pop()))
    assert await classified(chain, "a", "b") == ["a", "b"]
    assert classifier.calls == [(["a", "b"],)] * 2


async def test_after_a_second_loss_images_are_retried_one_by_one() -> None:
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
    assert tries == {"poison": ATTEMPTS, "a": 3, "b": 3}
    assert len(waits) > ATTEMPTS - 2
    assert waits == sorted(waits), "pauses grow"


async def test_an_expected_error_is_not_retried() -> None:
    def full(*_: Any) -> None:
        raise Overloaded("full")

    chain, _ = pipeline(lambda _: False)
    classifier = Stage(full)
    answers = await Pipeline(chain.preprocessor, {"m": classifier}, chain.results).classify_with_retries(
        "m", [job("a")] * 2
    )
    assert [type(answer) for answer in answers] == [Overloaded] * 2
    assert len(classifier.calls) == 1


async def test_an_unexpected_error_is_not_retried() -> None:
    def defect(*_: Any) -> None:
        raise ZeroDivisionError

    chain, _ = pipeline(lambda _: False)
    classifier = Stage(defect)
    with pytest.raises(ZeroDivisionError):
        await Pipeline(chain.preprocessor, {"m": classifier}, chain.results).classify_with_retries("m", [job("a")])
    assert len(classifier.calls) == 1


@pytest.mark.parametrize("losses", [0, 1, ATTEMPTS - 1, ATTEMPTS])
async def test_records_are_retried(losses: int) -> None:
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


def test_losses_are_recognized() -> None:
    wrapped = RuntimeError("the reply could not be read")
    wrapped.__cause__ = ActorDiedError()
    assert is_lost(ActorDiedError())
    assert is_lost(ConnectionResetError())
    assert is_lost(wrapped)
    assert not is_lost(ValueError())
    assert not is_lost(RaylensError("no"))


async def test_a_batch_that_never_returns_is_abandoned_after_its_deadline() -> None:
    """Otherwise it would keep its slot, and without free slots the Ingress would process nothing."""

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
