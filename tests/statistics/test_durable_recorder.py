"""Every record is stored exactly once, even after failures."""

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from serve_app.database import schema
from serve_app.database.engine import connect
from serve_app.errors import StorageUnavailable
from serve_app.statistics.durable_recorder import DurableRecorder
from serve_app.statistics.history import History
from tests.statistics.examples import example, examples, expected, rows, tallied


def test_a_record_reads_back_unchanged(engine: Engine, recorder: DurableRecorder):
    record = example(
        1,
        url="https://example.org/" + "ü🐈" * 1500,
        created_at=1_799_999_999.123457,
        user_id=2**40,
        label="a label " * 100,
        predictions=[(3, 0.1), (1, 1e-9)],
    )
    recorder.record([record])
    assert History(engine, [b"key"]).get(record.id) == record


def test_the_same_ids_count_once(engine: Engine, recorder: DurableRecorder):
    recorder.record(examples(1, 2, 3))
    recorder.record(examples(2, 3, 4, 4))
    assert (rows(engine), recorder.recorded, recorder.pending()) == (4, 4, 0)
    assert tallied(engine) == expected(engine)


def test_threads_that_record_the_same_ids_count_them_once(engine: Engine, recorder: DurableRecorder):
    batches = [examples(*range(start, start + 16)) for start in range(0, 200, 4)]

    def record_all() -> None:
        for batch in batches:
            recorder.record(batch)

    threads = [threading.Thread(target=record_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.drain()
    assert rows(engine) == recorder.recorded == 212
    assert tallied(engine) == expected(engine)


def test_an_empty_batch_writes_nothing(recorder: DurableRecorder):
    recorder.record([])
    assert recorder.pending() == 0


def test_records_wait_until_the_tables_exist(empty_url: str, tmp_path: Path):
    engine = connect(empty_url)
    recorder = DurableRecorder(engine, tmp_path / "spool", probe_every_s=0)
    recorder.record(examples(1, 2))
    recorder.record(examples(2, 3))
    assert recorder.drain() == 0
    assert recorder.pending() == 4
    schema.upgrade(empty_url)
    assert recorder.drain() == 3
    assert (rows(engine), recorder.pending()) == (3, 0)
    engine.dispose()


def test_another_process_drains_the_spool_of_a_killed_one(engine: Engine, recorder: DurableRecorder, tmp_path: Path):
    recorder._spool.put(examples(1, 2))
    successor = DurableRecorder(engine, tmp_path / "spool")
    assert successor.pending() == 2
    assert successor.drain() == 2
    assert tallied(engine) == expected(engine)


def test_a_committed_file_that_was_not_deleted_is_not_counted_again(engine: Engine, recorder: DurableRecorder):
    recorder.record(examples(1, 2))
    recorder._spool.put(examples(1, 2))
    assert recorder.drain() == 0
    assert (rows(engine), recorder.pending()) == (2, 0)
    assert tallied(engine) == expected(engine)


def test_concurrent_drainers_store_each_record_once(engine: Engine, recorder: DurableRecorder, tmp_path: Path):
    for number in range(60):
        recorder._spool.put(examples(number, number + 1))
    drainers = [DurableRecorder(engine, tmp_path / "spool") for _ in range(3)]
    threads = [threading.Thread(target=drainer.drain) for drainer in drainers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.pending() == 0
    assert rows(engine) == sum(drainer.recorded for drainer in drainers) == 61
    assert tallied(engine) == expected(engine)


def test_malformed_files_are_quarantined(engine: Engine, recorder: DurableRecorder, tmp_path: Path):
    contents = ["", "{", "[1]", '[{"id": "x"}]', "null", '{"a": 1}', '[{"predictions": 3}]', "\x00\xff"]
    empty = "{}"  # has no records, so nothing is lost by deleting it
    for number, content in enumerate([*contents, empty]):
        file = tmp_path / "spool" / f"{number:020d}-malformed-1.json"
        file.write_text(content, encoding="latin-1")
    recorder._spool.put(examples(1))
    assert recorder.drain() == 1
    assert recorder.pending() == 0
    assert rows(engine) == 1
    quarantined = sorted((tmp_path / "spool" / "broken").iterdir())
    assert [file.read_text(encoding="latin-1") for file in quarantined] == contents


@pytest.mark.parametrize(
    "changes",
    [{"width": 2**70}, {"url": "https://example.org/\ud800"}, {"label": None}, {"sha256": "no hex"}, {"width": "wide"}],
    ids=["number too large", "lone surrogate", "missing", "not hex", "not a number"],
)
def test_a_rejected_record_is_quarantined_alone(
    engine: Engine, recorder: DurableRecorder, tmp_path: Path, changes: dict[str, object]
):
    recorder.record([example(1), replace(example(2), url=None), replace(example(3), **changes)])  # type: ignore[arg-type]
    assert not recorder.database_unavailable
    recorder.drain()
    if changes == {"width": "wide"} and engine.dialect.name == "sqlite":
        assert rows(engine) == 3  # SQLite takes any type
        return
    assert (rows(engine), recorder.pending()) == (2, 0)
    (quarantined,) = (tmp_path / "spool" / "broken").iterdir()
    assert [item["id"] for item in json.loads(quarantined.read_text())] == [example(3).id]
    assert tallied(engine) == expected(engine)


def test_a_missing_spool_folder_refuses_the_record(empty_url: str, tmp_path: Path):
    engine = connect(empty_url)
    recorder = DurableRecorder(engine, tmp_path / "spool")
    (tmp_path / "spool" / "broken").rmdir()
    (tmp_path / "spool").rmdir()
    with pytest.raises(StorageUnavailable, match="No such file"):
        recorder.record(examples(1))
    engine.dispose()


def test_abandoned_partial_files_are_deleted(recorder: DurableRecorder, tmp_path: Path):
    old, new = tmp_path / "spool" / "old.tmp", tmp_path / "spool" / "new.tmp"
    old.write_text("[")
    new.write_text("[")
    os.utime(old, (0, 0))
    recorder.drain()
    assert not old.exists()
    assert new.exists()


def test_warnings_contain_no_values(engine: Engine, recorder: DurableRecorder, capfd: pytest.CaptureFixture[str]):
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE buckets"))
    recorder.record([example(1, url="https://example.org/?token=private")])
    recorder.drain()
    printed = capfd.readouterr()
    assert "buckets" in printed.out + printed.err
    assert "private" not in printed.out + printed.err
