"""What the records tell those who watch them."""

import queue
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine

from serve_app.settings import Settings
from serve_app.statistics import record_store
from serve_app.statistics.recorder import Recorder
from serve_app.statistics.spool import Spool
from serve_app.types import RecordsState
from tests.statistics.examples import examples


def test_an_empty_spool(tmp_path: Path):
    state = Spool(tmp_path).state()
    assert (state.pending, state.broken, state.oldest_s) == (0, 0, 0)
    assert 0 < state.free_bytes <= state.size_bytes


def test_what_waits_and_since_when(tmp_path: Path):
    spool = Spool(tmp_path)
    first = spool.put(examples(1, 2, 3))
    spool.put(examples(4))
    first.rename(first.with_name(f"{time.time_ns() - 90 * 10**9:020d}-older-3.json"))
    spool.set_records_aside(examples(5, 6), "nobody wants them")
    (spool.broken / "of-somebody-else.json").write_text("")
    state = spool.state()
    assert (state.pending, state.broken) == (4, 3)
    assert 90 <= state.oldest_s < 100


def test_written_and_whether_the_database_is_there(engine: Engine, recorder: Recorder):
    recorder.record(examples(1, 2))
    assert (recorder.state().written, recorder.state().database_is_up) == (2, True)


def test_a_keeper_tells_though_there_is_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(record_store, "TELL_EVERY_S", 0.02)
    settings = Settings(
        data_dir=tmp_path, database_url="mysql+pymysql://a:b@127.0.0.1:1/c", secret_key="k" * 32, _env_file=None
    )
    told: queue.Queue[RecordsState] = queue.Queue()
    watched = record_store.RecordStore(settings, drain_interval_s=60)
    watched.record(examples(1, 2))
    watched.start(told.put)
    try:
        state = told.get(timeout=20)
    finally:
        watched.stop()
    assert (state.database_is_up, state.written, state.pending) == (False, 0, 2)
