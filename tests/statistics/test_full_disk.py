"""Records on a disk that is full, read-only or failing: stored exactly once, or refused, and reported once."""

import errno
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from serve_app.database import schema
from serve_app.database.engine import connect
from serve_app.errors import StorageUnavailable
from serve_app.settings import Settings
from serve_app.statistics.durable_recorder import DurableRecorder
from serve_app.statistics.record_store import RecordStore
from serve_app.statistics.record_writer import write_records
from serve_app.types import Record
from tests.servers.made_once import made_once, shared_folder
from tests.servers.mariadb import MariaDB
from tests.servers.migrated import TEMPLATE as MIGRATED
from tests.servers.migrated import MigratedDatabases, make_data_folder
from tests.small_disk import SmallDisk, mounted
from tests.statistics.examples import example, examples, expected, rows, tallied

FOLDER = "what? 100% #1 'Bücher' 🐈"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted(tmp_path / "disk", mib=6) as disk:
        yield disk


@pytest.fixture(params=["sqlite on the disk", "mariadb"])
def engine(request: pytest.FixtureRequest, disk: SmallDisk) -> Iterator[Engine]:
    if request.param == "mariadb":
        migrated: MigratedDatabases = request.getfixturevalue("migrated_databases")
        url = migrated.take()
    else:
        url = Settings(_env_file=None, data_dir=disk.folder / FOLDER).effective_database_url
        schema.upgrade(url)
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def recorder(engine: Engine, disk: SmallDisk) -> DurableRecorder:
    return DurableRecorder(engine, disk.folder / FOLDER / "spool", probe_every_s=0)


def record_until_refused(recorder: DurableRecorder, first: int) -> set[str]:
    """The ids of the accepted records."""
    accepted: set[str] = set()
    for number in range(first, first + 2000):
        try:
            recorder.record([example(number)])
        except StorageUnavailable:
            return accepted
        accepted.add(example(number).id)
    raise AssertionError("the disk did not become full")


@pytest.mark.parametrize("engine", ["sqlite on the disk"], indirect=True)
def test_no_accepted_record_is_lost_on_a_full_disk(engine: Engine, recorder: DurableRecorder, disk: SmallDisk) -> None:
    recorder.record(examples(1, 2, 3))
    accepted = {record.id for record in examples(1, 2, 3)}
    with capture_logs() as lines:
        for first in (100, 10_000):
            disk.fill()
            for repetition in range(20):
                accepted |= record_until_refused(recorder, first + repetition * 10)
                recorder.drain()
            assert (recorder.database_unavailable, recorder.storage_unavailable) == (True, True)
            assert not list((disk.folder / FOLDER / "spool").glob("*.tmp"))
            disk.free()
            recorder.drain()
            assert (recorder.database_unavailable, recorder.storage_unavailable) == (False, False)
            recorder.record(examples(first + 5000))
            accepted.add(example(first + 5000).id)
    outage = ["database_unavailable", "storage_unavailable", "storage_recovered", "database_recovered"]
    assert [line["event"] for line in lines] == outage * 2
    assert recorder.pending() == 0
    assert rows(engine) == len(accepted)
    assert tallied(engine) == expected(engine)


@pytest.mark.parametrize("engine", ["mariadb"], indirect=True)
def test_a_full_disk_is_reported_while_the_database_takes_the_records(
    engine: Engine, recorder: DurableRecorder, disk: SmallDisk
) -> None:
    with capture_logs() as lines:
        disk.fill()
        for number in range(5):
            recorder.record([example(number)])
            recorder.drain()
        assert (recorder.database_unavailable, recorder.storage_unavailable) == (False, True)
        assert not recorder.state().storage_available
        disk.free()
        recorder.drain()
        assert recorder.state().storage_available
    assert [line["event"] for line in lines] == ["storage_unavailable", "storage_recovered"]
    assert rows(engine) == 5


@pytest.mark.parametrize("engine", ["sqlite on the disk"], indirect=True)
def test_a_disk_that_becomes_read_only(engine: Engine, recorder: DurableRecorder, disk: SmallDisk) -> None:
    recorder.record(examples(1))
    engine.dispose()
    disk.make_read_only(True)
    with pytest.raises(StorageUnavailable, match="Read-only file system"):
        recorder.record(examples(2))
    recorder.drain()
    assert (recorder.database_unavailable, recorder.storage_unavailable) == (True, True)
    disk.make_read_only(False)
    recorder.drain()
    recorder.record(examples(3))
    assert (recorder.database_unavailable, recorder.storage_unavailable) == (False, False)
    assert rows(engine) == 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EMFILE])
def test_every_error_of_the_disk_refuses_the_record(tmp_path: Path, sqlite_url: str, number: int) -> None:
    """Without tables, records go to the spool."""
    engine = connect(sqlite_url)
    recorder = DurableRecorder(engine, tmp_path / "spool")
    failure = OSError(number, "reason")
    for broken in ("os.fsync", "pathlib.Path.open", "pathlib.Path.rename"):
        with patch(broken, side_effect=failure), pytest.raises(StorageUnavailable, match="reason") as refused:
            recorder.record(examples(1))
        assert refused.value.retry_after
        assert recorder.pending() == 0
        assert not list((tmp_path / "spool").glob("*.tmp"))
    recorder.record(examples(1))
    assert recorder.pending() == 1
    engine.dispose()


@pytest.mark.parametrize("damage", ["garbage", "zeroes in the middle", "truncated"])
def test_a_damaged_database_is_reported_once(migrated_sqlite_url: str, tmp_path: Path, damage: str) -> None:
    database = tmp_path / "data" / "raylens.db"
    content = database.read_bytes()
    engine = connect(migrated_sqlite_url)
    engine.dispose()
    damaged = {
        "garbage": b"no database " * 5000,
        "zeroes in the middle": content[:4096] + bytes(len(content) - 4096),
        "truncated": content[: len(content) // 8192 * 4096],
    }
    database.write_bytes(damaged[damage])
    store = RecordStore(Settings(_env_file=None, data_dir=tmp_path / "data"), drain_interval_s=60)
    with capture_logs() as lines:
        for number in range(6):
            store.record([example(number)])
            store._maintain()
    assert store.states() == {"database": "degraded", "storage": "ok"}
    assert len(lines) <= 1, "one line at the start, and none per record or second"
    database.write_bytes(content)
    deadline = time.monotonic() + 30
    while store.states()["database"] == "degraded":
        assert time.monotonic() < deadline
        time.sleep(0.05)
        store._maintain()
    assert store._recorder.pending() == 0
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM classifications").scalar() == 6
    engine.dispose()
    store.stop()


def test_files_that_the_database_cannot_store_do_not_block_the_others(
    engine: Engine, recorder: DurableRecorder
) -> None:
    """Whatever the reason, for example a packet that is too large for the server."""

    def write(engine: Engine, records: list[Record]) -> int:
        if any(record.width == 13 for record in records):
            raise OperationalError("INSERT", {}, Exception(1153, "Got a packet bigger than allowed"))
        return write_records(engine, records)

    for number in range(4):
        recorder._spool.put([example(number, width=13)])
    recorder._spool.put(examples(10))
    with capture_logs() as lines, patch("serve_app.statistics.durable_recorder.write_records", write):
        for number in range(20, 26):
            recorder.drain()
            recorder.drain()
            recorder.record(examples(number))
        recorder.drain()
        assert (rows(engine), recorder.pending()) == (7, 4)
    assert len(lines) < 8
    recorder.drain()
    assert (rows(engine), recorder.pending()) == (11, 0)


def test_a_file_that_cannot_be_read_does_not_block_the_others(engine: Engine, recorder: DurableRecorder) -> None:
    folder = recorder._spool.folder / "00000000000000000001-folder-1.json"
    folder.mkdir()
    with capture_logs() as lines:
        for number in range(5):
            recorder._spool.put([example(number)])
            recorder.drain()
        assert not recorder.storage_unavailable
    assert [(line["event"], line["file"]) for line in lines] == [("records_deferred", folder.name)]
    assert (rows(engine), recorder.pending()) == (5, 1)


@pytest.mark.chaos
def test_records_are_spooled_while_the_disk_of_the_database_server_is_full(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    template = made_once(shared_folder(tmp_path_factory) / "mariadb-template", make_data_folder)
    with mounted(tmp_path / "disk", mib=512) as disk:
        (disk.folder / "server").mkdir()
        server = MariaDB(disk.folder / "server", template)
        server.start()
        url = server.url_of(MIGRATED)
        engine = connect(url, timeout_s=3)
        recorder = DurableRecorder(engine, tmp_path / "spool", probe_every_s=0)
        try:
            with capture_logs() as lines:
                disk.fill()
                number = 0
                while not recorder.pending():
                    recorder.record(
                        [example(n, url="https://example.org/" + "x" * 4000) for n in range(number, number + 64)]
                    )
                    number += 64
                    assert number < 64 * 500, "the disk did not become full"
                for _ in range(20):  # small ones may fit where large ones do not
                    recorder.record([example(number)])
                    number += 1
                    recorder.drain()
                assert recorder.pending() > 0
                disk.free()
                deadline = time.monotonic() + 60
                while recorder.pending() or recorder.database_unavailable:
                    recorder.drain()
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            assert rows(engine) == number
            assert tallied(engine) == expected(engine)
            assert 2 <= len(lines) < 8, lines
        finally:
            engine.dispose()
            server.stop(signal.SIGKILL)
