"""Records are kept once, whatever happens."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from serve_app.database import schema
from serve_app.database.engine import connect
from serve_app.statistics.history import History
from serve_app.statistics.recorder import Recorder
from tests.statistics.examples import example, examples, expected, rows, tallied


def test_what_is_recorded_is_read_again_unchanged(engine: Engine, recorder: Recorder):
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


def test_the_same_ids_count_once(engine: Engine, recorder: Recorder):
    recorder.record(examples(1, 2, 3))
    recorder.record(examples(2, 3, 4, 4))
    assert (rows(engine), recorder.recorded, recorder.pending()) == (4, 4, 0)
    assert tallied(engine) == expected(engine)


def test_threads_that_record_the_same_ids_at_once_count_them_once(engine: Engine, recorder: Recorder):
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


def test_nothing_to_record_is_no_work(recorder: Recorder):
    recorder.record([])
    assert recorder.pending() == 0


def test_without_its_tables_the_database_gets_the_records_later(empty_url: str, tmp_path: Path):
    engine = connect(empty_url)
    recorder = Recorder(engine, tmp_path / "spool", probe_every_s=0)
    recorder.record(examples(1, 2))
    recorder.record(examples(2, 3))
    assert recorder.drain() == 0
    assert recorder.pending() == 4
    schema.upgrade(empty_url)
    assert recorder.drain() == 3
    assert (rows(engine), recorder.pending()) == (3, 0)
    engine.dispose()


def test_another_process_finds_what_a_killed_one_left(engine: Engine, recorder: Recorder, tmp_path: Path):
    recorder._spool.put(examples(1, 2))
    heir = Recorder(engine, tmp_path / "spool")
    assert heir.pending() == 2
    assert heir.drain() == 2
    assert tallied(engine) == expected(engine)


def test_a_file_that_was_committed_but_not_deleted_is_not_counted_again(engine: Engine, recorder: Recorder):
    recorder.record(examples(1, 2))
    recorder._spool.put(examples(1, 2))
    assert recorder.drain() == 0
    assert (rows(engine), recorder.pending()) == (2, 0)
    assert tallied(engine) == expected(engine)


def test_two_drainers_at_once_are_harmless(engine: Engine, recorder: Recorder, tmp_path: Path):
    for number in range(60):
        recorder._spool.put(examples(number, number + 1))
    drainers = [Recorder(engine, tmp_path / "spool") for _ in range(3)]
    threads = [threading.Thread(target=drainer.drain) for drainer in drainers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.pending() == 0
    assert rows(engine) == sum(drainer.recorded for drainer in drainers) == 61
    assert tallied(engine) == expected(engine)


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", '[{"id": "x"}]', "{}", "null", '{"a": 1}', '[{"predictions": 3}]', "\x00\xff"]
)
def test_a_broken_file_steps_aside(engine: Engine, recorder: Recorder, tmp_path: Path, content: str):
    (tmp_path / "spool" / f"{0:020d}-broken-1.json").write_text(content, encoding="latin-1")
    recorder._spool.put(examples(1))
    assert recorder.drain() == 1
    assert recorder.pending() == 0
    assert rows(engine) == 1
    empty = content == "{}"  # no records: nothing is lost
    assert len(list((tmp_path / "spool" / "broken").iterdir())) == (0 if empty else 1)


@pytest.mark.parametrize(
    "changes",
    [{"width": 2**70}, {"url": "https://example.org/\ud800"}, {"label": None}, {"sha256": "no hex"}, {"width": "wide"}],
    ids=["number too large", "lone surrogate", "missing", "not hex", "not a number"],
)
def test_a_record_no_database_takes_does_not_hold_up_its_neighbours(
    engine: Engine, recorder: Recorder, tmp_path: Path, changes: dict[str, object]
):
    recorder.record([example(1), replace(example(2), url=None), replace(example(3), **changes)])  # type: ignore[arg-type]
    assert not recorder.database_is_down
    recorder.drain()
    if changes == {"width": "wide"} and engine.dialect.name == "sqlite":
        assert rows(engine) == 3  # SQLite takes any type
        return
    assert (rows(engine), recorder.pending()) == (2, 0)
    (broken,) = (tmp_path / "spool" / "broken").iterdir()
    assert [item["id"] for item in json.loads(broken.read_text())] == [example(3).id]
    assert tallied(engine) == expected(engine)


def test_a_lost_disk_is_an_error_of_its_own(empty_url: str, tmp_path: Path):
    engine = connect(empty_url)
    recorder = Recorder(engine, tmp_path / "spool")
    (tmp_path / "spool" / "broken").rmdir()
    (tmp_path / "spool").rmdir()
    with pytest.raises(OSError, match="No such file"):
        recorder.record(examples(1))
    engine.dispose()


def test_half_written_files_of_killed_processes_are_cleared(recorder: Recorder, tmp_path: Path):
    import os

    old, new = tmp_path / "spool" / "old.tmp", tmp_path / "spool" / "new.tmp"
    old.write_text("[")
    new.write_text("[")
    os.utime(old, (0, 0))
    recorder.drain()
    assert not old.exists()
    assert new.exists()


def test_warnings_name_no_values(engine: Engine, recorder: Recorder, capsys: pytest.CaptureFixture[str]):
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE buckets"))
    recorder.record([example(1, url="https://example.org/?token=private")])
    recorder.drain()
    printed = capsys.readouterr()
    assert "buckets" in printed.out + printed.err
    assert "private" not in printed.out + printed.err
