"""Checks the file of the embedded database before the service starts."""

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final

_MAY_RECOVER: Final = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_LOCKED")
"""The service starts, reports the error, and uses the database once it can."""
_LONGEST_PATH: Final = 500
"""Bytes: SQLite allows 512, with the suffixes of its other files."""

_OTHERS: Final = 0o027


class DataUnusable(Exception):
    """The data folder or the embedded database cannot be used; the message says why and what to do."""


def check_folder(folder: Path) -> None:
    """Create the folder if it is missing, and keep other users out.

    Raises DataUnusable if that fails or it does not permit new files.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DataUnusable(f"the folder {folder} cannot be created: {error.strerror}; {_HINT}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DataUnusable(f"the folder {folder} cannot be written: permission denied or read-only; {_HINT}")
    _keep_others_out(folder)


def _keep_others_out(folder: Path) -> None:
    """Other users may not enter a folder of this user; its group may look, which backups may need."""
    status = folder.stat()
    if status.st_uid == os.getuid() and status.st_mode & _OTHERS:
        with contextlib.suppress(OSError):  # a file system without modes
            folder.chmod(status.st_mode & 0o7777 & ~_OTHERS)


def check_file(path: Path) -> None:
    """Open the database for writing, if it exists. Raises DataUnusable if it is damaged or may not be written."""
    if (length := len(os.fsencode(path))) > _LONGEST_PATH:
        raise DataUnusable(
            f"the path of the database has {length} bytes, and SQLite allows {_LONGEST_PATH}; choose a shorter folder "
            "with RAYLENS_DATA_DIR"
        )
    if not path.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=0.1, isolation_level=None)) as connection:
            connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        if not getattr(error, "sqlite_errorname", "").startswith(_MAY_RECOVER):
            raise DataUnusable(
                f"the database {path} cannot be used: {error}; "
                "correct its permissions, restore a backup, or move it away"
            ) from None


_HINT: Final = "correct its permissions, or choose another folder with RAYLENS_DATA_DIR"
