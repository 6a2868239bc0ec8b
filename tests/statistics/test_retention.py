"""Old rows are deleted in small transactions; anonymous ones stay in the counters."""

import pytest
from sqlalchemy import Engine, event, func, select

from serve_app.statistics import deletion
from serve_app.statistics.record_writer import write_records
from serve_app.statistics.retention import Pruned, prune
from serve_app.statistics.tables import buckets, classifications
from serve_app.statistics.top import By, top
from serve_app.statistics.windows import Window
from tests.statistics.examples import NOW, example, rows, tallied

DAY_S = 86_400


def _number_of_buckets(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(buckets)) or 0


def test_prune_deletes_old_rows_and_keeps_anonymous_counts(engine: Engine):
    write_records(engine, [example(n, created_at=NOW - n * DAY_S) for n in range(6)])
    totals = tallied(engine)[0]
    assert prune(engine, 3, NOW).classifications == 2
    with engine.connect() as connection:
        oldest = connection.scalar(select(func.min(classifications.c.created_us)))
    assert oldest == (NOW - 3 * DAY_S) * 1e6
    assert tallied(engine)[0] == totals


def test_prune_deletes_buckets_outside_every_window(engine: Engine):
    ages_s = [0, 3599, 3800, 86_399, 92_000, 604_799, 640_000, 900_000]
    write_records(engine, [example(n, created_at=NOW - age_s) for n, age_s in enumerate(ages_s)])
    tops = [top(engine, by, window, 10, NOW) for by in By for window in Window]
    before = _number_of_buckets(engine)
    pruned = prune(engine, None, NOW)
    assert pruned.classifications == 0
    assert pruned.buckets == before - _number_of_buckets(engine) > 0
    assert [top(engine, by, window, 10, NOW) for by in By for window in Window] == tops
    assert rows(engine) == len(ages_s)
    assert prune(engine, None, NOW) == Pruned(0, 0)
    prune(engine, None, NOW + 8 * DAY_S)
    assert _number_of_buckets(engine) == 0


def test_every_transaction_deletes_at_most_a_chunk(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deletion, "_CHUNK", 10)
    monkeypatch.setattr(deletion, "_PAUSE_S", 0)
    write_records(engine, [example(n) for n in range(35)])
    commits = []
    event.listen(engine, "commit", lambda _: commits.append(rows(engine)))
    assert prune(engine, 1, NOW + 2 * DAY_S).classifications == 35
    assert len(commits) >= 4
    assert rows(engine) == 0
