"""A small file system of its own, to be filled: as root a tmpfs, which reports a full disk like any other."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """The mounted file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Use all space that is left."""
        with self._ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        assert self.free_bytes() == 0

    def free(self) -> None:
        """Give back what :meth:`fill` used."""
        self._ballast.unlink()

    def free_bytes(self) -> int:
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def make_read_only(self, read_only: bool) -> None:
        _run("mount", "-o", "remount,ro" if read_only else "remount,rw", str(self.folder))


@contextmanager
def mounted(folder: Path, mib: int) -> Iterator[SmallDisk]:
    """Mount a file system of ``mib`` MiB at a new folder. Skips the test where that is not permitted."""
    folder.mkdir()
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={mib}m", "raylens-test", str(folder))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small file system requires root")
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
