"""The folder of the sockets, which no other user can enter."""

import contextlib
import errno
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Final

SOCKET_FOLDER: Final = "RAYLENS_SOCKET_FOLDER"
"""Environment variable of the replicas: the folder in that of a running service. Without it, one per user in TMPDIR."""
_LONGEST_PATH: Final = 100
"""In bytes. Linux allows 107."""


def new_socket_path() -> Path:
    """A path on which this process may listen. Removes the sockets of processes that were killed.

    Raises OSError if the folder is not private, or its path too long.
    """
    folder = _private_folder()
    for path in folder.iterdir():
        if not _is_running(path.name.partition("-")[0]):
            path.unlink(missing_ok=True)
    path = folder / f"{os.getpid()}-{secrets.token_hex(4)}"
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise OSError(errno.ENAMETOOLONG, "the path is too long for a socket", str(path))
    return path


def _private_folder() -> Path:
    configured = os.environ.get(SOCKET_FOLDER)
    folder = Path(configured or f"{tempfile.gettempdir()}/raylens-sockets-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(errno.EACCES, "not a private folder of this user", str(folder))
    return folder


def _is_running(pid: str) -> bool:
    """Whether the process exists. A file with another name is not one of ours."""
    with contextlib.suppress(ValueError, PermissionError):
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return False
    return True
