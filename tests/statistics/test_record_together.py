"""Calls that share a transaction: each record is stored once, and no call fails because of another."""

import asyncio
import json
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy import Engine, event

from serve_app.errors import RaylensError, StorageUnavailable
from serve_app.stages.results import Results
from serve_app.statistics.durable_recorder import DurableRecorder
from tests.statistics.examples import example, examples, expected, rows, tallied

POISON = {"url": "https://example.org/\ud800"}
"""Rejected by both databases."""


def commits_of(engine: Engine) -> list[object]:
    """A list that grows with each commit."""
    commits: list[object] = []
    event.listen(engine, "commit", commits.append)
    return commits


def test_calls_share_a_transaction(engine: Engine, recorder: DurableRecorder):
    commits = commits_of(engine)
    assert recorder.record_together([examples(1, 2), [], examples(2, 3)]) == [None] * 3
    assert len(commits) == 1
    assert (rows(engine), recorder.recorded, recorder.pending()) == (3, 3, 0)
    assert tallied(engine) == expected(engine)


def test_a_rejected_record_does_not_affect_the_other_calls(engine: Engine, recorder: DurableRecorder, tmp_path: Path):
    calls = [examples(1), [example(2, **POISON)], examples(3)]
    assert recorder.record_together(calls) == [None] * 3
    assert (rows(engine), recorder.pending()) == (2, 1)  # only the rejected one has to wait
    recorder.drain()
    (quarantined,) = (tmp_path / "spool" / "broken").iterdir()
    assert [item["id"] for item in json.loads(quarantined.read_text())] == [example(2).id]
    assert tallied(engine) == expected(engine)


def test_only_the_call_that_cannot_be_stored_is_refused(engine: Engine, recorder: DurableRecorder):
    calls = [examples(1), [example(2, **POISON)], examples(3)]
    with patch.object(recorder._spool, "put", side_effect=OSError(28, "No space left on device")):
        first, refused, last = recorder.record_together(calls)
    assert (first, last) == (None, None)
    assert isinstance(refused, StorageUnavailable)
    assert (rows(engine), recorder.pending()) == (2, 0)


def test_an_unexpected_error_fails_its_own_call(engine: Engine, recorder: DurableRecorder):
    broken = [example(2, url=5)]
    first, error, last = recorder.record_together([examples(1), broken, examples(3)])
    assert (first, last) == (None, None)
    assert isinstance(error, AttributeError)
    assert rows(engine) == 2


def test_calls_share_a_file_while_the_database_is_unavailable(engine: Engine, recorder: DurableRecorder):
    recorder._circuit.opens()
    assert recorder.record_together([examples(1), examples(2, 3)]) == [None, None]
    assert (rows(engine), recorder.pending(), len(recorder._spool.files())) == (0, 3, 1)


def test_a_call_repeated_after_a_lost_reply_stores_nothing_twice(engine: Engine, recorder: DurableRecorder):
    """As after a crash between the commit and the reply; the retry may share its transaction with new records."""
    recorder.record_together([examples(1), examples(2)])
    assert recorder.record_together([examples(2), examples(3), examples(1)]) == [None] * 3
    assert (rows(engine), recorder.pending()) == (3, 0)
    assert tallied(engine) == expected(engine)


async def test_concurrent_calls_are_durable_when_they_return(engine: Engine, recorder: DurableRecorder):
    commits = commits_of(engine)
    results = Results({}, {}, recorder)

    async def call(number: int) -> RaylensError | None:
        return await results.record([example(number // 2)])

    assert await asyncio.gather(*(call(number) for number in range(40))) == [None] * 40
    assert (rows(engine), recorder.recorded, recorder.pending()) == (20, 20, 0)
    assert len(commits) < 10
    assert tallied(engine) == expected(engine)
    results.close()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64])
def test_any_number_of_records_fits_a_transaction(engine: Engine, recorder: DurableRecorder, size: int):
    recorder.record([example(number, user_id=number % 9 + 1) for number in range(size)])
    assert (rows(engine), recorder.pending()) == (size, 0)
    assert tallied(engine) == expected(engine)
