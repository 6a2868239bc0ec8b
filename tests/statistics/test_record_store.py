"""The state that the record store reports."""

import queue
from pathlib import Path

import pytest
from sqlalchemy import Engine

from serve_app.settings import Settings
from serve_app.statistics import record_store
from serve_app.statistics.durable_recorder import DurableRecorder
from serve_app.types import RecordsState
from tests.statistics.examples import examples


def test_the_state_has_written_records_and_database_availability(engine: Engine, recorder: DurableRecorder):
    recorder.record(examples(1, 2))
    assert (recorder.state().written, recorder.state().database_available) == (2, True)


def test_the_state_is_reported_while_the_database_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(record_store, "STATE_INTERVAL_S", 0.02)
    settings = Settings(
        data_dir=tmp_path, database_url="mysql+pymysql://a:b@127.0.0.1:1/c", secret_key="k" * 32, _env_file=None
    )
    reported: queue.Queue[RecordsState] = queue.Queue()
    store = record_store.RecordStore(settings, drain_interval_s=60)
    store.record(examples(1, 2))
    store.start(reported.put)
    try:
        state = reported.get(timeout=20)
    finally:
        store.stop()
    assert (state.database_available, state.written, state.pending) == (False, 0, 2)
