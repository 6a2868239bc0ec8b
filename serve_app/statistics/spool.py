"""The spool: a folder of records that wait for the database, one file per batch, durable when ``put`` returns."""

import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import structlog

from serve_app.types import Record

log = structlog.get_logger(__name__)
_ABANDONED_S = 3600.0
"""A partial file of this age belongs to a process that was killed; its call never returned."""


@dataclass(frozen=True, slots=True)
class SpoolState:
    """The size of the backlog and the free space."""

    pending: int
    """Records."""
    oldest_s: float
    """Age of the oldest; 0 if there are none."""
    quarantined: int
    """Records in quarantine. A file without a record count in its name counts as one."""
    free_bytes: int
    size_bytes: int


class Spool:
    """The spool folder. File names, ``<nanoseconds>-<unique>-<records>.json``, sort by time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.quarantine = folder / "broken"
        self.quarantine.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, records: Sequence[Record]) -> Path:
        """Write a batch. Raises ``OSError`` if the disk fails."""
        return self._write(self.folder, records)

    def files(self) -> list[Path]:
        """The spooled files, oldest first."""
        return sorted(self.folder.glob("*.json"))

    def pending(self) -> int:
        """The number of spooled records."""
        return _records_in(self.files())

    def free_bytes(self) -> int:
        """The free space on its disk."""
        return shutil.disk_usage(self.folder).free

    def state(self) -> SpoolState:
        """Computed from file names alone: on a network volume a ``stat`` would cost a round trip per file."""
        files = self.files()
        disk = shutil.disk_usage(self.folder)
        quarantined = _records_in(list(self.quarantine.glob("*.json")))
        return SpoolState(_records_in(files), _age_s(files), quarantined, disk.free, disk.total)

    def read(self, path: Path) -> list[Record]:
        """Read a batch. Raises ``FileNotFoundError`` if another process was faster, ``ValueError`` if malformed."""
        try:
            return [_record(item) for item in json.loads(path.read_bytes())]
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a batch of records: {error}") from error

    def quarantine_file(self, path: Path, reason: str) -> None:
        """Move an unreadable file to quarantine, so that it does not block the others."""
        log.error("records_unreadable", file=path.name, moved_to=str(self.quarantine), reason=reason)
        path.replace(self.quarantine / path.name)

    def quarantine_records(self, records: Sequence[Record], reason: str) -> None:
        """Write records that the database rejects to quarantine."""
        path = self._write(self.quarantine, records)
        log.error("records_rejected", records=len(records), kept_in=str(path), reason=reason)

    @contextmanager
    def drain_lock(self) -> Iterator[bool]:
        """Yield whether this caller may drain now. Concurrent drains are safe, but burden the database."""
        with (self.folder / "drain.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            self._delete_abandoned()
            yield True

    def _write(self, folder: Path, records: Sequence[Record]) -> Path:
        path = folder / f"{time.time_ns():020d}-{uuid.uuid4().hex}-{len(records)}.json"
        unfinished = path.with_suffix(".tmp")
        try:
            with unfinished.open("x") as file:
                json.dump([asdict(record) for record in records], file, separators=(",", ":"))
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(path)
            _sync(folder)
        except OSError:  # the records are refused, so no part of them may remain
            for written in (unfinished, path):
                with suppress(OSError):
                    written.unlink(missing_ok=True)
            raise
        return path

    def _delete_abandoned(self) -> None:
        for path in self.folder.glob("*.tmp"):
            with suppress(FileNotFoundError):  # another process has just completed or deleted it
                if path.stat().st_mtime < time.time() - _ABANDONED_S:
                    path.unlink()


def _records_in(files: Sequence[Path]) -> int:
    """The number of records, from the file names."""
    numbers = [path.stem.rpartition("-")[2] for path in files]
    return sum(int(number) if number.isascii() and number.isdecimal() else 1 for number in numbers)


def _age_s(files: Sequence[Path]) -> float:
    """The age of the oldest file, which is the first."""
    written_ns = files[0].name.partition("-")[0] if files else ""
    is_time = written_ns.isascii() and written_ns.isdecimal()
    return max(0.0, time.time() - int(written_ns) / 1e9) if is_time else 0.0


def _record(item: dict[str, Any]) -> Record:
    known = {field.name for field in fields(Record)}
    predictions = [(int(index), float(probability)) for index, probability in item["predictions"]]
    return Record(**{name: value for name, value in {**item, "predictions": predictions}.items() if name in known})


def _sync(folder: Path) -> None:
    """Flush the folder to disk, which makes a rename durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
