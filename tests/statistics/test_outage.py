"""MariaDB stops and restarts while records are written."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from serve_app.database.engine import connect
from serve_app.statistics.durable_recorder import DurableRecorder
from tests.servers.mariadb import MariaDB
from tests.servers.migrated import MigratedDatabases
from tests.statistics.examples import examples, expected, rows, tallied


@pytest.fixture
def engine(migrated_databases: MigratedDatabases) -> Iterator[Engine]:
    engine = connect(migrated_databases.take(), timeout_s=1)
    yield engine
    engine.dispose()


@pytest.fixture
def recorder(engine: Engine, tmp_path: Path) -> DurableRecorder:
    return DurableRecorder(engine, tmp_path / "spool", probe_every_s=0.05)


def _drain(recorder: DurableRecorder, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while recorder.pending() or recorder.database_unavailable:
        recorder.drain()
        assert time.monotonic() < deadline, f"{recorder.pending()} records are still spooled"
        time.sleep(0.02)


def _wait_for_pending(recorder: DurableRecorder, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not recorder.pending():
        assert time.monotonic() < deadline, "nothing is recorded during the outage"
        time.sleep(0.02)


@pytest.mark.parametrize("how", [pytest.param(signal.SIGTERM, marks=pytest.mark.chaos), signal.SIGKILL])
def test_an_outage_neither_loses_nor_duplicates_records(
    mariadb: MariaDB, engine: Engine, recorder: DurableRecorder, how: signal.Signals
):
    """Four threads record batches that overlap by half, while the server stops and restarts."""
    done = threading.Event()
    kept: list[set[str]] = [set() for _ in range(4)]

    def record(thread: int) -> None:
        number = thread * 1_000_000
        while not done.is_set():
            batch = examples(*range(number, number + 16))
            recorder.record(batch)
            kept[thread].update(one.id for one in batch)
            number += 8
            time.sleep(0.002)

    def drain() -> None:
        while not done.is_set():
            recorder.drain()
            time.sleep(0.05)

    threads = [*(threading.Thread(target=record, args=(n,)) for n in range(4)), threading.Thread(target=drain)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    mariadb.stop(how)
    _wait_for_pending(recorder)
    mariadb.start()
    time.sleep(0.4)
    done.set()
    for thread in threads:
        thread.join()
    _drain(recorder)
    assert rows(engine) == len(set().union(*kept))
    assert tallied(engine) == expected(engine)


def test_a_frozen_database_delays_only_the_first_batch(mariadb: MariaDB, engine: Engine, recorder: DurableRecorder):
    recorder.record(examples(1))
    mariadb.pause()
    try:
        began = time.monotonic()
        recorder.record(examples(2))
        first_s = time.monotonic() - began
        began = time.monotonic()
        for number in range(3, 23):
            recorder.record(examples(number))
        others_s = time.monotonic() - began
        assert recorder.database_unavailable
        assert recorder.drain() == 0
    finally:
        mariadb.resume()
    assert first_s < 20
    assert others_s < 10, "a timeout for each would be 20 s"
    assert recorder.pending() == 21
    _drain(recorder)
    assert rows(engine) == 22
    assert tallied(engine) == expected(engine)


def test_records_are_stored_once_a_stopped_database_restarts(
    mariadb: MariaDB, engine: Engine, recorder: DurableRecorder
):
    mariadb.stop()
    try:
        recorder.record(examples(1, 2))
        assert recorder.pending() == 2
    finally:
        mariadb.start()
    _drain(recorder)
    assert rows(engine) == 2
