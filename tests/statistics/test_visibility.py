"""The public Top 10 has only public images, and none of what users delete."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text

from serve_app.database import schema
from serve_app.database.engine import connect
from serve_app.errors import UnknownClassification
from serve_app.statistics.durable_recorder import DurableRecorder
from serve_app.statistics.history import History
from serve_app.statistics.own_top import own_top
from serve_app.statistics.record_writer import write_records
from serve_app.statistics.retention import prune
from serve_app.statistics.spool import Spool
from serve_app.statistics.tables import buckets, counter_users, counters
from serve_app.statistics.top import By, report, top
from serve_app.statistics.visibility import may_be_public
from serve_app.statistics.windows import Window
from tests.statistics.examples import NOW, counts, example, expected, tallied

URL = "https://example.org/photos/1.jpg"
SECRET_URL = f"{URL}?signature=topsecret"


def _record(number: int, user_id: int | None = None, url: str | None = URL, **changes: Any) -> Any:
    return example(number, user_id=user_id, url=url, **changes)


def _public(engine: Engine) -> list[dict[str | None, int]]:
    """The public images of each window with their counts, by URL or content."""
    tops = [top(engine, By.IMAGE, window, 100, NOW) for window in Window]
    return [{row.url or row.sha256: row.count for row in rows} for rows in (*tops, report(engine))]


def _history(engine: Engine) -> History:
    return History(engine, [b"key"])


def _rows_of_images(engine: Engine) -> int:
    with engine.connect() as connection:
        return sum(
            connection.scalar(select(func.count()).select_from(table).where(condition)) or 0
            for table, condition in (
                (counters, counters.c.kind != 2),
                (buckets, buckets.c.kind != 2),
                (counter_users, counter_users.c.user_id != -1),
            )
        )


@pytest.mark.parametrize(
    ("url", "may"),
    [
        (URL, True),
        ("HTTP://example.org", True),
        ("https://example.org:8443/a@b;c=d/%3F.jpg", True),
        (SECRET_URL, False),
        (f"{URL}?", False),
        (f"{URL}#token", False),
        ("https://example.org?q", False),
        ("https://user:password@example.org/a.jpg", False),
        ("data:image/png;base64,AAAA", False),
    ],
)
def test_only_urls_without_query_fragment_or_user_may_be_public(url: str, may: bool):
    assert may_be_public(url) is may


def test_a_url_with_a_query_is_never_counted(engine: Engine):
    write_records(engine, [_record(n, user_id, SECRET_URL) for n, user_id in enumerate((None, 1, 2, 3))])
    assert _public(engine) == [{}] * 5
    assert _rows_of_images(engine) == 0
    (label,) = {row.count for row in top(engine, By.LABEL, Window.ALL, 1)}
    assert label == 1


@pytest.mark.parametrize("is_upload", [False, True])
def test_an_image_is_public_through_anonymous_clients_or_three_users(engine: Engine, is_upload: bool):
    url = None if is_upload else URL
    key = url or "e" * 64
    for number, user_id in enumerate((1, 2, 2, 1)):
        write_records(engine, [_record(number, user_id, url, sha256="e" * 64)])
    assert _public(engine) == [{}] * 5
    write_records(engine, [_record(4, 3, url, sha256="e" * 64)])
    assert _public(engine)[:4] == [{key: 5}] * 4
    write_records(engine, [_record(5, 1, f"{URL}2"), _record(6, None, f"{URL}2")])
    assert _public(engine)[:4] == [{key: 5, f"{URL}2": 2}] * 4


def test_an_anonymous_request_publishes_also_the_buckets_before_it(engine: Engine):
    write_records(engine, [_record(1, 1, created_at=NOW - 3000)])
    write_records(engine, [_record(2, None)])
    assert _public(engine) == [{URL: 2}] * 5


def test_hidden_images_do_not_displace_public_ones(engine: Engine):
    hidden = [_record(n, 1, f"{URL}/{n % 200}") for n in range(400)]
    write_records(engine, [*hidden, _record(1000, None)])
    assert _public(engine) == [{URL: 1}] * 5


def test_deleting_history_hides_what_too_few_others_requested(engine: Engine):
    write_records(engine, [_record(n, user_id) for n, user_id in enumerate((1, 2, 3, 3))])
    assert _public(engine) == [{URL: 4}] * 5
    _history(engine).delete(example(2).id, 3)
    assert _public(engine) == [{URL: 3}] * 5
    _history(engine).delete(example(3).id, 3)
    assert _public(engine) == [{}] * 5
    write_records(engine, [_record(9, 4)])
    assert _public(engine) == [{URL: 3}] * 5


def test_nothing_remains_of_images_that_only_deleted_users_requested(engine: Engine):
    write_records(engine, [_record(n, n % 3 + 1, [URL, SECRET_URL, None][n // 3]) for n in range(9)])
    for user_id in (1, 2, 3):
        _history(engine).erase(user_id)
    assert _rows_of_images(engine) == 0
    assert tallied(engine) == ({}, {})


def test_anonymous_requests_remain_when_users_delete_theirs(engine: Engine):
    write_records(engine, [_record(1, 1), _record(2, None), _record(3, 1)])
    _history(engine).erase(1)
    assert _public(engine) == [{URL: 1}] * 5


def test_retention_subtracts_the_requests_of_users(engine: Engine):
    old: dict[str, Any] = {"created_at": NOW - 86_400}
    write_records(engine, [_record(1, 1, **old), _record(2, None, **old), _record(3, 1)])
    assert prune(engine, 0, NOW - 1).classifications == 2
    assert [row.count for row in report(engine)] == [2]


def test_counters_equal_the_rows_after_any_deletions(engine: Engine):
    chance = random.Random(3)
    records = [
        _record(n, chance.randint(1, 5), chance.choice([None, SECRET_URL, URL, f"{URL}2"]), sha256=f"{n % 3:064x}")
        for n in range(120)
    ]
    for start in range(0, 120, 7):
        write_records(engine, records[start : start + 7])
        record = chance.choice(records[: start + 7])
        with suppress(UnknownClassification):  # deleted before
            _history(engine).delete(record.id, record.user_id)
    _history(engine).erase(2)
    assert counts(tallied(engine)) == counts(expected(engine))


def test_concurrent_deletions_subtract_once(engine: Engine):
    write_records(engine, [_record(n, 1) for n in range(40)] + [_record(99, None)])
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(lambda _: _history(engine).erase(1), range(4))) == 40
    assert _public(engine) == [{URL: 1}] * 5


def test_records_and_deletions_at_the_same_time(engine: Engine):
    def work(thread: int) -> None:
        for start in range(thread * 1_000, thread * 1_000 + 64, 8):
            write_records(
                engine, [_record(n, n % 3 + 1, f"{URL}/{n % 2}", sha256="e" * 64) for n in range(start, start + 8)]
            )
            _history(engine).erase(thread % 3 + 1)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert counts(tallied(engine)) == counts(expected(engine))
    for user_id in (1, 2, 3):
        _history(engine).erase(user_id)
    assert tallied(engine) == ({}, {})


def test_records_that_were_erased_while_they_waited_in_a_spool_are_dropped(engine: Engine, tmp_path: Path):
    recorder = DurableRecorder(engine, tmp_path / "spool", probe_every_s=0)
    Spool(tmp_path / "spool").put([_record(1, 1, created_at=1.0), _record(2, 2), _record(3, None)])
    _history(engine).erase(1)
    Spool(tmp_path / "spool").put([_record(4, 1, created_at=4e9)])
    assert recorder.drain() == 3
    pages = {user_id: [record.id for record in _history(engine).page(user_id, 9).records] for user_id in (1, 2)}
    assert pages == {1: [example(4).id], 2: [example(2).id]}


def test_users_see_their_own_images_with_all_urls(engine: Engine):
    write_records(engine, [_record(n, 1, url) for n, url in enumerate((SECRET_URL, URL, SECRET_URL, None))])
    write_records(engine, [_record(9, 2), _record(10, None), _record(11, 1, f"{URL}3", created_at=NOW - 5000)])
    for window in Window:
        rows = own_top(engine, 1, By.IMAGE, window, 10, now=NOW)
        found = [(row.url, row.count) for row in rows]
        assert found[:3] == [(SECRET_URL, 2), (None, 1), (URL, 1)]
        assert ((f"{URL}3", 1) in found) is (window is not Window.HOUR)
    assert [(row.url, row.count) for row in own_top(engine, 1, By.IMAGE, Window.ALL, 1, now=NOW)] == [(SECRET_URL, 2)]
    assert sum(row.count for row in own_top(engine, 1, By.LABEL, Window.ALL, 10, now=NOW)) == 5
    assert own_top(engine, 3, By.IMAGE, Window.ALL, 10, now=NOW) == []


def test_the_own_top_reads_a_limited_number_of_rows(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("serve_app.statistics.own_top.ROWS_LIMIT", 3)
    write_records(engine, [_record(n, 1, f"{URL}/{min(n, 2)}") for n in range(5)])
    assert [(row.url, row.count) for row in own_top(engine, 1, By.IMAGE, Window.ALL, 10, now=NOW)] == [(f"{URL}/2", 3)]


def test_the_migration_keeps_only_what_is_known_to_be_public(empty_url: str):
    (statistics, _) = schema.MIGRATION_SETS
    schema.upgrade(empty_url)
    engine = connect(empty_url)
    write_records(engine, [_record(n, n % 4 + 1, f"{URL}/users") for n in range(4)])
    write_records(engine, [_record(10, 1, f"{URL}/private"), _record(11, 1, None, sha256="e" * 64)])
    write_records(engine, [_record(n, 1 if n == 20 else None, f"{URL}/anonymous") for n in (20, 21)])
    write_records(engine, [_record(30, None, f"{URL}/of-deleted-rows"), _record(31, None, f"{URL}/secret")])
    schema.downgrade(empty_url, statistics, "0001")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM classifications WHERE url LIKE '%/of-deleted-rows'"))
        connection.execute(text("UPDATE counters SET url = 'https://example.org/?token' WHERE url LIKE '%/secret'"))
    schema.upgrade(empty_url)
    assert schema.differences(engine) == []
    assert _public(engine) == [{f"{URL}/users": 4, f"{URL}/anonymous": 2}] * 5
    with engine.connect() as connection:
        urls = set(connection.scalars(select(counters.c.url).where(counters.c.kind == 0)))
    assert urls == {f"{URL}/users", f"{URL}/anonymous", f"{URL}/private"}
    write_records(engine, [_record(40, 2, f"{URL}/private"), _record(41, 3, f"{URL}/private")])
    assert _public(engine)[0][f"{URL}/private"] == 3, "users of existing rows are known"
    _history(engine).erase(1)
    assert f"{URL}/private" not in _public(engine)[0]
    engine.dispose()
