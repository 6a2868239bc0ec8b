"""Results: ranking, answers in the order of the queries, and a durable record of each."""

import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.arrays import Float32Array
from models.labels import Labels
from serve_app.errors import CorruptImage, RaylensError, StorageUnavailable
from serve_app.stages.results import Results, rank
from serve_app.types import Answer, Classified, ImageInfo, Query, Record

CLASSES = 6
LABELS = Labels([(f"n{i:08}", f"class {i}") for i in range(CLASSES)])


class FakeRecordStore:
    """Collects the records and the names of the threads that write them."""

    def __init__(self) -> None:
        self.batches: list[list[Record]] = []
        self.threads: set[str] = set()
        self.fault: Exception | None = None

    def record_together(self, calls: Sequence[Sequence[Record]]) -> list[Exception | None]:
        if self.fault:
            return [self.fault] * len(calls)
        self.threads.add(threading.current_thread().name)
        self.batches.append([record for call in calls for record in call])
        return [None] * len(calls)


@pytest.fixture
def store() -> FakeRecordStore:
    return FakeRecordStore()


@pytest.fixture
def results(store: FakeRecordStore) -> Iterator[Results]:
    results = Results({"m": LABELS}, {"m": "7"}, store)
    yield results
    results.close()


def query(number: int, top_k: int = 2) -> Query:
    now = time.time()
    return Query(f"{number:032x}", now, now + 9, "m", f"{number:064x}", None, top_k, 0.0, user_id=number)


def classified(probabilities: Float32Array, outcomes: list[ImageInfo | RaylensError]) -> Classified:
    return Classified(probabilities, outcomes, 1.0, 2.0, 3.0, 5, "fake", "fp32")


def info(width: int) -> ImageInfo:
    return ImageInfo("JPEG", width, 10)


def peaks(*tops: int) -> Float32Array:
    """One row for each class that is to be first."""
    rows = np.full((len(tops), CLASSES), 0.1, np.float32)
    rows[range(len(tops)), tops] = 0.5
    return rows


@given(arrays.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 50)), elements=st.floats(0, 1, width=32)))
def test_a_ranking_is_a_sorted_permutation(probabilities: Float32Array) -> None:
    for row, indices, ranked in zip(probabilities, *rank(probabilities), strict=True):
        assert sorted(indices.tolist()) == list(range(len(row)))
        assert (np.diff(ranked) <= 0).all()
        assert (row[indices] == ranked).all()


def test_equal_probabilities_are_ranked_by_index() -> None:
    indices, _ = rank(np.array([[0.2, 0.3, 0.2, 0.3]], np.float32))
    assert indices.tolist() == [[1, 3, 0, 2]]


async def test_answers_are_in_the_order_of_the_queries(results: Results, store: FakeRecordStore) -> None:
    corrupt = CorruptImage("cut")
    batch = classified(peaks(4, 2), [info(1), corrupt, info(3)])
    answers = await results.finish("m", [query(1), query(2), query(3)], batch)
    assert answers[1] is corrupt
    good = [answer for answer in answers if isinstance(answer, Answer)]
    assert [(answer.result.info.width, int(answer.result.indices[0])) for answer in good] == [(1, 4), (3, 2)]
    assert good[0].result.model_version == "7"
    assert (good[0].inference_ms, good[0].batch_size) == (3.0, 5)
    (records,) = store.batches
    assert [(record.id, record.label, record.wnid, record.width, record.user_id) for record in records] == [
        (f"{1:032x}", "class 4", "n00000004", 1, 1),
        (f"{3:032x}", "class 2", "n00000002", 3, 3),
    ]


async def test_a_record_contains_the_answer(results: Results, store: FakeRecordStore) -> None:
    await results.finish("m", [query(1, top_k=3)], classified(peaks(5), [info(1)]))
    ((record,),) = store.batches
    assert [index for index, _ in record.predictions] == [5, 0, 1]
    assert not record.cached
    assert (record.model, record.model_version, record.runtime, record.precision) == ("m", "7", "fake", "fp32")
    assert record.timings_ms["inference"] == 3.0
    assert record.processing_ms >= 0


async def test_a_batch_is_recorded_in_one_transaction_on_a_thread(results: Results, store: FakeRecordStore) -> None:
    await results.finish("m", [query(i) for i in range(5)], classified(peaks(0, 1, 2, 3, 4), [info(1)] * 5))
    assert [len(batch) for batch in store.batches] == [5]
    assert threading.main_thread().name not in store.threads


async def test_failed_images_are_not_recorded(results: Results, store: FakeRecordStore) -> None:
    empty = np.empty((0, 0), np.float32)
    answers = await results.finish("m", [query(1)], classified(empty, [CorruptImage("cut")]))
    assert isinstance(answers[0], CorruptImage)
    assert store.batches == []


async def test_there_is_no_answer_without_a_record(results: Results, store: FakeRecordStore) -> None:
    store.fault = OSError("the disk is full")
    with pytest.raises(OSError, match="full"):
        await results.finish("m", [query(1)], classified(peaks(1), [info(1)]))


async def test_a_different_number_of_queries_is_an_error(results: Results, store: FakeRecordStore) -> None:
    with pytest.raises(RuntimeError, match="2 queries, 1 outcomes"):
        await results.finish("m", [query(1), query(2)], classified(peaks(1), [info(1)]))
    assert store.batches == []


async def test_answers_that_cannot_be_stored_are_errors(results: Results, store: FakeRecordStore) -> None:
    """Only what was answered: an image that cannot be decoded keeps its own error."""
    store.fault = StorageUnavailable("The disk is full.")
    probabilities = np.full((1, CLASSES), 1 / CLASSES, np.float32)
    outcomes: list[ImageInfo | RaylensError] = [info(1), CorruptImage("no")]
    answers = await results.finish("m", [query(1), query(2)], classified(probabilities, outcomes))
    assert [type(answer) for answer in answers] == [StorageUnavailable, CorruptImage]
    record = Record(**dict.fromkeys(Record.__dataclass_fields__))  # type: ignore[arg-type]
    assert await results.record([record]) is store.fault
