"""``raylens db backup``: a backup made during writes is complete, and Raylens can start from it."""

import json
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from serve_app.cli.db import app
from serve_app.database import schema
from serve_app.database.engine import connect
from serve_app.settings import settings
from serve_app.statistics.record_writer import write_records
from serve_app.statistics.spool import Spool
from tests.small_disk import mounted
from tests.statistics.examples import example, examples


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "data"
    monkeypatch.setenv("RAYLENS_DATA_DIR", str(folder))
    monkeypatch.delenv("RAYLENS_DATABASE_URL", raising=False)
    settings.cache_clear()
    schema.upgrade(settings().effective_database_url)
    yield folder
    settings.cache_clear()


def _backup(folder: Path) -> Result:
    return CliRunner().invoke(app, ["backup", str(folder), "--json"])


def _ids(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {row[0] for row in connection.execute("SELECT id FROM classifications")}


def test_a_backup_during_writes_is_consistent(data_dir: Path, tmp_path: Path):
    done = threading.Event()
    written = [0]

    def write() -> None:
        engine = connect(settings().effective_database_url)
        while not done.is_set():
            write_records(engine, [example(written[0])])
            written[0] += 1
        engine.dispose()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while written[0] < 20:
            assert writer.is_alive()
        before = written[0]
        assert _backup(tmp_path / "copy").exit_code == 0
    finally:
        done.set()
        writer.join()
    copied = _ids(tmp_path / "copy" / "raylens.db")
    assert before <= len(copied) <= written[0]
    assert copied <= _ids(data_dir / "raylens.db")


def test_raylens_starts_from_a_backup(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    key = settings().signing_keys
    Spool(data_dir / "spool").put(examples(1, 2))
    Spool(data_dir / "spool").quarantine_records(examples(3, 3), "for the test")
    made = json.loads(_backup(tmp_path / "copy").stdout)
    assert made["spooled_files"] == 2
    monkeypatch.setenv("RAYLENS_DATA_DIR", str(tmp_path / "copy"))
    settings.cache_clear()
    assert settings().signing_keys == key
    state = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    assert (state["revision"], state["records_pending"]) == (state["revision_needed"], 2)


def test_only_the_owner_can_read_a_backup(data_dir: Path, tmp_path: Path):
    assert settings().signing_keys
    _backup(tmp_path / "copy")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "copy").iterdir()}
    assert modes == {"raylens.db": 0o600, "secret.key": 0o600}


def test_an_existing_folder_is_not_overwritten(data_dir: Path, tmp_path: Path):
    (tmp_path / "copy").mkdir()
    result = _backup(tmp_path / "copy")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "exists" in result.stderr


def test_without_a_database_no_folder_is_created(data_dir: Path, tmp_path: Path):
    (data_dir / "raylens.db").unlink()
    result = _backup(tmp_path / "copy")
    assert (result.exit_code, (tmp_path / "copy").exists()) == (1, False)
    assert "no database" in result.stderr


def test_a_failed_backup_leaves_no_folder(data_dir: Path, tmp_path: Path):
    (data_dir / "raylens.db").write_bytes(b"no database at all" * 100)
    result = _backup(tmp_path / "copy")
    assert (result.exit_code, (tmp_path / "copy").exists()) == (1, False)
    assert "not a database" in result.stderr


def test_a_mysql_url_points_to_mysqldump(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAYLENS_DATABASE_URL", "mysql://ada:topsecret@db.example.org/raylens")
    settings.cache_clear()
    result = _backup(tmp_path / "copy")
    assert result.exit_code == 2
    assert "mysqldump" in result.stderr
    assert "topsecret" not in result.stderr


def test_a_backup_that_does_not_fit_leaves_nothing(data_dir: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", mib=1) as disk:
        for leave_bytes in (0, 64 << 10):
            (disk.folder / "reserve").write_bytes(bytes(leave_bytes))
            disk.fill()
            (disk.folder / "reserve").unlink()
            result = CliRunner().invoke(app, ["backup", str(disk.folder / "backup")])
            (line,) = result.stderr.splitlines()
            assert (result.exit_code, line[:19]) == (1, "raylens db backup: ")
            assert not (disk.folder / "backup").exists()
            disk.free()
