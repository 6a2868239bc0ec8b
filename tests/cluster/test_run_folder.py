"""The temporary folder of a service, and what is left of services that were killed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.cluster import run_folder
from serve_app.cluster.run_folder import NoRunFolder, RunFolder, kill_processes_of, remove_abandoned

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(autouse=True)
def parents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Only this folder, whatever the length of its path."""
    monkeypatch.setattr(run_folder, "_parents", lambda: [tmp_path])
    return tmp_path


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has a log file of a folder open, like all processes of Ray, and a reader of the same file."""
    folder = tmp_path / "raylens-old"
    folder.mkdir()
    with (folder / "a.log").open("w") as log:
        process = subprocess.Popen(["sleep", "100"], stdout=log)
    with (folder / "a.log").open() as log:
        reader = subprocess.Popen(["sleep", "100"], stdin=log)
    yield process
    assert reader.poll() is None, "who only reads a log is left alone"
    for each in (process, reader):
        each.kill()
        each.wait()


def test_it_kills_only_processes_that_write_there(tmp_path: Path, writer: subprocess.Popen[bytes]) -> None:
    kill_processes_of(tmp_path / "raylens")
    assert writer.poll() is None, "the path of another folder"
    kill_processes_of(tmp_path / "raylens-old")
    assert writer.wait(timeout=10) == -9


def test_the_folder_of_a_running_service_is_kept(tmp_path: Path) -> None:
    running = RunFolder()
    remove_abandoned()
    assert running.path.is_dir()
    running.close()
    assert not running.path.exists()


def test_the_next_start_ends_what_killed_services_left(tmp_path: Path, writer: subprocess.Popen[bytes]) -> None:
    code = "import os, sys; from serve_app.cluster import run_folder; from pathlib import Path\n"
    code += f"run_folder._parents = lambda: [Path({str(tmp_path)!r})]; print(run_folder.RunFolder().path, flush=True)\n"
    code += "os.kill(os.getpid(), 9)"
    killed = [
        Path(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout.strip())
        for _ in range(2)
    ]
    os.utime(killed[0], (1, 1))
    (tmp_path / "raylens-old" / "lock").touch()
    os.utime(tmp_path / "raylens-old", (2, 2))
    remove_abandoned()
    assert writer.wait(timeout=10) == -9
    assert [path.exists() for path in (*killed, tmp_path / "raylens-old")] == [False, True, False], "the newest is kept"


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "raylens-notes").mkdir()
    (tmp_path / "raylens-file").touch()
    remove_abandoned()
    assert {path.name for path in tmp_path.iterdir()} == {"raylens-notes", "raylens-file"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can create folders of other users")
def test_folders_of_other_users_are_left_alone(tmp_path: Path, writer: subprocess.Popen[bytes]) -> None:
    for name in ("raylens-old", "raylens-older"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "lock").touch()
        os.chown(tmp_path / name, 65534, 65534)
    remove_abandoned()
    assert len(list(tmp_path.iterdir())) == 2
    assert writer.poll() is None


def test_a_failed_service_keeps_its_logs(tmp_path: Path) -> None:
    folder = RunFolder()
    folder.close(keep=True)
    assert folder.path.is_dir()


def test_a_folder_with_a_long_path_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    long = tmp_path / ("long" * 10)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    folder = RunFolder()
    assert len(f"{folder.path}/{'0' * 56}/s") <= 97, "the limit of HAProxy"
    assert len(f"{folder.path}/r/session_2026-11-29_14-45-58_226064_4194304/sockets/plasma_store") <= 107, "of Ray"
    folder.close()


def test_no_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "_parents", lambda: [Path("/proc")])
    with pytest.raises(NoRunFolder, match="set TMPDIR"):
        RunFolder()


def test_processes_that_cannot_be_killed_do_not_block(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run_folder, "_kill", lambda _folder: True)
    begun = time.monotonic()
    kill_processes_of(tmp_path, timeout_s=0.2)
    assert time.monotonic() - begun < 5
