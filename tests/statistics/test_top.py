"""The Top 10 and its windows."""

import random
from collections import Counter
from dataclasses import asdict

import pytest
from sqlalchemy import Engine

from serve_app.statistics.record_writer import write_records
from serve_app.statistics.top import By, report, top
from serve_app.statistics.windows import BUCKET_S, Window, bucket_starts
from tests.statistics.examples import NOW, example

BASE = "https://example.org/"
SPAN_S = {Window.HOUR: 3600, Window.DAY: 86_400, Window.WEEK: 604_800}


def test_an_empty_database_has_an_empty_top(engine: Engine):
    assert [top(engine, by, window, 10) for by in By for window in Window] == [[]] * 8
    assert report(engine) == []


def test_a_row_has_all_fields(engine: Engine):
    url = "https://example.org/dog.jpg"
    for number, took_ms in enumerate((20.0, 31.5, 10.25)):
        write_records(
            engine, [example(number, url=url, processing_ms=took_ms, label="dog", wnid="n1", sha256="a" * 64)]
        )
    (row,) = top(engine, By.IMAGE, Window.DAY, 10, NOW)
    assert asdict(row) == {
        "url": url,
        "sha256": "a" * 64,
        "label": "dog",
        "wnid": "n1",
        "count": 3,
        "processing_avg_s": pytest.approx(0.0205833333),
        "processing_min_s": 0.01025,
        "processing_max_s": 0.0315,
        "last_seen": NOW + 2e-6,
    }
    assert [row] == top(engine, By.IMAGE, Window.ALL, 10) == report(engine)


def test_rows_are_ordered_by_count_then_last_occurrence(engine: Engine):
    subjects = ["a"] * 2 + ["b"] * 3 + ["c"] * 2 + ["d"]
    write_records(engine, [example(n, url=f"https://example.org/{name}") for n, name in enumerate(subjects)])
    for window in Window:
        assert [row.url and row.url[-1] for row in top(engine, By.IMAGE, window, 3, NOW)] == ["b", "c", "a"]


def test_the_report_has_only_urls_and_the_top_has_uploads(engine: Engine):
    write_records(engine, [example(n, url=None, sha256="e" * 64) for n in range(3)])
    write_records(engine, [example(n, url="https://example.org/") for n in range(3, 5)])
    assert [(row.url, row.count) for row in report(engine)] == [("https://example.org/", 2)]
    for window in Window:
        found = top(engine, By.IMAGE, window, 10, NOW)
        assert [(row.url, row.count) for row in found] == [(None, 3), ("https://example.org/", 2)]


@pytest.mark.parametrize("window", SPAN_S)
def test_a_window_covers_its_span_and_at_most_a_12th_more(engine: Engine, window: Window):
    span_s = SPAN_S[window]
    ages = {"now": 0, "inside": span_s - 0.001, "outside": span_s * 13 / 12 + 0.001}
    write_records(engine, [example(n, url=BASE + age, created_at=NOW - s) for n, (age, s) in enumerate(ages.items())])
    assert {row.url for row in top(engine, By.IMAGE, window, 10, NOW)} == {f"{BASE}now", f"{BASE}inside"}
    assert {row.url for row in top(engine, By.IMAGE, Window.ALL, 10, NOW)} == {BASE + age for age in ages}


@pytest.mark.parametrize("window", SPAN_S)
def test_a_window_sums_its_buckets(engine: Engine, window: Window):
    chance = random.Random(7)
    subjects = chance.choices(range(40), weights=[1 / (n + 1) for n in range(40)], k=800)
    records = [
        example(n, url=f"{BASE}{subject}", created_at=NOW - chance.uniform(0, SPAN_S[window]))
        for n, subject in enumerate(subjects)
    ]
    write_records(engine, records)
    truth = Counter(record.url for record in records)
    found = top(engine, By.IMAGE, window, 10, NOW)
    assert [row.count for row in found] == [count for _, count in truth.most_common(10)]
    assert all(row.count == truth[row.url] for row in found)


def test_buckets_are_a_12th_of_their_window():
    assert {window: bucket_s * 12 for window, bucket_s in BUCKET_S.items()} == SPAN_S
    starts = bucket_starts(NOW, 7200)
    assert len(starts) == 13
    assert starts[-1] <= NOW < starts[-1] + 7200
