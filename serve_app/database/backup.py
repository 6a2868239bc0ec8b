"""Online backup of a data folder: the embedded database, the spool and the secret key."""

import contextlib
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup. ``folder`` is a data folder itself: Raylens can start from it."""

    folder: Path
    database_bytes: int
    spooled_files: int


def back_up(database: Path, data_dir: Path, folder: Path) -> Backup:
    """Back up to a new ``folder`` while the service runs.

    The spool is copied before the database: a record that is moved in between is then in both copies and is stored
    once. In the other order it could be in neither.

    Raises FileExistsError if the folder exists, FileNotFoundError if there is no database, and OSError or sqlite3.Error
    if a copy fails. After a failure no folder is left.
    """
    if not database.is_file():
        raise FileNotFoundError(f"There is no database at {database}.")
    folder.mkdir(mode=0o700, parents=True)
    try:
        files = _copy_spool(data_dir / "spool", folder / "spool")
        _copy_database(database, folder / "raylens.db")
        with contextlib.suppress(FileNotFoundError):  # the key is set by RAYLENS_SECRET_KEY
            shutil.copy2(data_dir / "secret.key", folder)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return Backup(folder, (folder / "raylens.db").stat().st_size, files)


def _copy_spool(source: Path, target: Path) -> int:
    copied = 0
    for path in sorted(source.rglob("*.json")):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # it was just moved to the database
            shutil.copy2(path, copy)
            copied += 1
    return copied


def _copy_database(source: Path, target: Path) -> None:
    """Use SQLite's backup API: one read transaction, which in WAL mode does not block writers."""
    target.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(source)) as original, contextlib.closing(sqlite3.connect(target)) as copy:
        original.backup(copy)
