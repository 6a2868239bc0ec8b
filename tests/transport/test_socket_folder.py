"""Where replicas listen: no other user can get there."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from serve_app.transport.socket_folder import SOCKET_FOLDER, new_socket_path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("serve_app.transport.socket_folder._LONGEST_PATH", 1000)
    monkeypatch.setenv(SOCKET_FOLDER, str(tmp_path / "calls"))
    return tmp_path / "calls"


def test_the_folder_is_private(folder: Path) -> None:
    before = os.umask(0)
    try:
        first, second = new_socket_path(), new_socket_path()
    finally:
        os.umask(before)
    assert first != second
    assert first.parent == second.parent == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_there_is_one_folder_per_user_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr("serve_app.transport.socket_folder._LONGEST_PATH", 1000)
    monkeypatch.delenv(SOCKET_FOLDER, raising=False)
    assert new_socket_path().parent == tmp_path / f"raylens-sockets-{os.getuid()}"


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o711])
def test_a_folder_that_others_can_enter_is_refused(folder: Path, mode: int) -> None:
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(PermissionError):
        new_socket_path()


def test_a_folder_of_another_user_and_a_link_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = folder.with_name("target")
    target.mkdir(mode=0o700)
    folder.symlink_to(target)
    with pytest.raises(PermissionError):
        new_socket_path()
    folder.unlink()
    folder.mkdir(mode=0o700)
    own = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    with pytest.raises(PermissionError):
        new_socket_path()


def test_a_path_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SOCKET_FOLDER, str(tmp_path / ("x" * 100)))
    with pytest.raises(OSError, match="too long"):
        new_socket_path()


def test_sockets_of_killed_processes_are_removed(folder: Path) -> None:
    new_socket_path()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = (f"{dead.pid}-abandoned", f"{os.getpid()}-running", "other")
    for name in names:
        (folder / name).touch()
    new_socket_path()
    assert {path.name for path in folder.iterdir()} == set(names[1:])
