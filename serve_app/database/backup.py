"""A copy of a data folder that is in use: the embedded database, the records that wait for it, and the secret key."""

import contextlib
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Backup:
    """``folder`` is a data folder itself: Raylens starts from it."""

    folder: Path
    database_bytes: int
    spooled_files: int


def back_up(database: Path, data_dir: Path, folder: Path) -> Backup:
    """Copy to a ``folder`` that is not there yet, without stopping the service.

    What waits is copied first: a record that moves meanwhile is then in both, and stored once. The other way round it
    would be in neither.

    Raises FileExistsError, FileNotFoundError without a database, and OSError or sqlite3.Error where a copy fails, which
    leaves no folder behind.
    """
    if not database.is_file():
        raise FileNotFoundError(f"There is no database at {database}.")
    folder.mkdir(mode=0o700, parents=True)
    try:
        files = _copy_spool(data_dir / "spool", folder / "spool")
        _copy_database(database, folder / "raylens.db")
        with contextlib.suppress(FileNotFoundError):  # set by RAYLENS_SECRET_KEY instead
            shutil.copy2(data_dir / "secret.key", folder)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return Backup(folder, (folder / "raylens.db").stat().st_size, files)


def _copy_spool(source: Path, target: Path) -> int:
    copied = 0
    for path in sorted(source.rglob("*.json")):
        kept = target / path.relative_to(source)
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # it has just moved into the database
            shutil.copy2(path, kept)
            copied += 1
    return copied


def _copy_database(source: Path, target: Path) -> None:
    """SQLite's own, in one transaction that only reads, which in WAL mode keeps nobody from writing."""
    target.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(source)) as original, contextlib.closing(sqlite3.connect(target)) as copy:
        original.backup(copy)
