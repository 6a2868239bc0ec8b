"""The temporary folder of a running service: Ray's files and logs, and those of HAProxy.

Services that were killed leave their folder, and sometimes processes, which the next start removes.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PREFIX: Final = "raylens-"
_LONGEST_PARENT: Final = 23
"""The longest path in which the paths of HAProxy's socket (97 bytes) and of Ray's (107 bytes) fit."""


class NoRunFolder(OSError):
    """No folder for temporary files can be used; the message is one line."""


class RunFolder:
    """A folder that this process and the processes that inherit ``lock`` use; locked as long as one of them lives."""

    def __init__(self) -> None:
        """Raises NoRunFolder."""
        self.path, self.lock = _create()

    @property
    def logs(self) -> Path:
        """Ray's log files."""
        return ray_folder(self.path) / "session_latest" / "logs"

    def kill_processes(self, timeout_s: float = 5.0) -> None:
        """Kill all processes that write to files of the folder, except this one, and wait until they are gone."""
        kill_processes_of(self.path, timeout_s)

    def close(self, *, keep: bool = False) -> None:
        """Remove the folder, or ``keep`` it for its logs until the start after the next."""
        os.close(self.lock)
        if not keep:
            shutil.rmtree(self.path, ignore_errors=True)


def ray_folder(folder: Path) -> Path:
    """Ray's part of the folder, which Ray makes writable for all users; the folder itself keeps them out."""
    return folder / "r"


def remove_abandoned() -> None:
    """End what killed services have left on this machine. The newest folder is kept for its logs."""
    abandoned = [path for parent in _parents() for path in parent.glob(f"{_PREFIX}*") if _is_abandoned(path)]
    for path in abandoned:
        kill_processes_of(path)
    for path in sorted(abandoned, key=os.path.getmtime)[:-1]:
        shutil.rmtree(path, ignore_errors=True)


def kill_processes_of(folder: Path, timeout_s: float = 5.0) -> None:
    """Kill all processes that have a file of ``folder`` open for writing, except this one. Only on Linux.

    All processes of Ray write their logs there. Nothing else identifies them when their parents are gone: process ids
    are reused, and Ray overwrites their command lines and environments.
    """
    deadline = time.monotonic() + timeout_s
    while _kill(folder) and time.monotonic() < deadline:
        time.sleep(0.05)


def _kill(folder: Path) -> bool:
    """Kill the processes once; whether there were any."""
    found = False
    for pid in _process_ids():
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(pid)  # keeps meaning this process, even if the id is reused
            try:
                if _writes_to(pid, folder):
                    found = True
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)
    return found


def _process_ids() -> Iterator[int]:
    if sys.platform == "linux":
        own = os.getpid()
        yield from (int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != own)  # noqa: PTH208


def _writes_to(pid: int, folder: Path) -> bool:
    """Whether a file of the folder is open for writing, which the mode of the link tells."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if str(link.readlink()).startswith(f"{folder}/") and link.lstat().st_mode & stat.S_IWUSR:
                return True
    return False


def _is_abandoned(path: Path) -> bool:
    """Whether it is a folder of this user, with a lock that no process holds. Others may create one in /tmp, too."""
    try:
        if not stat.S_ISDIR(path.lstat().st_mode) or path.lstat().st_uid != os.getuid():
            return False
        with (path / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:
        return False


def _create() -> tuple[Path, int]:
    """A new folder and its lock, in the first place with enough space. Raises NoRunFolder."""
    for parent in _parents():
        with contextlib.suppress(OSError):
            path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            try:
                return path, _lock(path)
            except OSError:
                shutil.rmtree(path, ignore_errors=True)
    tried = ", ".join(map(str, dict.fromkeys([_configured(), Path("/tmp"), Path("/var/tmp")])))  # noqa: S108
    raise NoRunFolder(f"no folder for temporary files is writable ({tried}); set TMPDIR to one that is")


def _lock(path: Path) -> int:
    """The lock has its name only when it is locked, so that nobody takes the folder for an abandoned one."""
    draft = path / "lock.new"
    lock = os.open(draft, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    draft.rename(path / "lock")
    return lock


def _parents() -> list[Path]:
    """Folders for temporary files, the configured one first. Those that HAProxy or Ray cannot use are left out."""
    folders = [_configured(), Path("/tmp"), Path("/var/tmp"), Path("/dev/shm")]  # noqa: S108
    return [path for path in dict.fromkeys(folders) if _is_suitable(path) and path.is_dir()]


def _is_suitable(path: Path) -> bool:
    """HAProxy does not quote paths in its configuration."""
    plain = re.fullmatch(r"[\w/.+@-]*", str(path), re.ASCII)
    return plain is not None and len(os.fsencode(path)) <= _LONGEST_PARENT


def _configured() -> Path:
    return Path(os.environ.get("TMPDIR") or "/tmp").absolute()  # noqa: S108
