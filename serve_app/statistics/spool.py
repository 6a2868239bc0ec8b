"""The folder where records wait for the database: one file a batch, durable before ``put`` returns."""

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
ABANDONED_S = 3600.0
"""A half-written file this old belongs to a process that was killed; its call never returned."""


@dataclass(frozen=True, slots=True)
class SpoolState:
    """What waits, and whether there is room for more."""

    pending: int
    """Records."""
    oldest_s: float
    """Age of the oldest; 0 where there is none."""
    broken: int
    """Records set aside; one for a file whose name does not tell."""
    free_bytes: int
    size_bytes: int


class Spool:
    """File names sort by time and end in the number of records: ``<nanoseconds>-<unique>-<records>.json``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broken = folder / "broken"
        self.broken.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, records: Sequence[Record]) -> Path:
        """Keep a batch. ``OSError`` where the disk does not take it."""
        return self._write(self.folder, records)

    def files(self) -> list[Path]:
        """What waits, oldest first."""
        return sorted(self.folder.glob("*.json"))

    def pending(self) -> int:
        """Number of records that wait."""
        return _records_in(self.files())

    def state(self) -> SpoolState:
        """All from names: a file's own state would cost a round trip each where the folder is on a network."""
        files = self.files()
        disk = shutil.disk_usage(self.folder)
        broken = _records_in(list(self.broken.glob("*.json")))
        return SpoolState(_records_in(files), _age_s(files), broken, disk.free, disk.total)

    def read(self, path: Path) -> list[Record]:
        """The batch of a file. ``FileNotFoundError`` where another process was faster, ``ValueError`` where broken."""
        try:
            return [_record(item) for item in json.loads(path.read_bytes())]
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a batch of records: {error}") from error

    def set_aside(self, path: Path, reason: str) -> None:
        """Move a file nobody can read to ``broken``, so that it blocks no other."""
        log.error("records_unreadable", file=path.name, moved_to=str(self.broken), reason=reason)
        path.replace(self.broken / path.name)

    def set_records_aside(self, records: Sequence[Record], reason: str) -> None:
        """Keep records no database takes in ``broken``."""
        path = self._write(self.broken, records)
        log.error("records_refused", records=len(records), kept_in=str(path), reason=reason)

    @contextmanager
    def sole_drainer(self) -> Iterator[bool]:
        """Whether this caller may drain now: one at a time spares the database, though two would be harmless."""
        with (self.folder / "drain.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            self._sweep()
            yield True

    def _write(self, folder: Path, records: Sequence[Record]) -> Path:
        path = folder / f"{time.time_ns():020d}-{uuid.uuid4().hex}-{len(records)}.json"
        unfinished = path.with_suffix(".tmp")
        with unfinished.open("x") as file:
            json.dump([asdict(record) for record in records], file, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
        _sync(folder)
        return path

    def _sweep(self) -> None:
        for path in self.folder.glob("*.tmp"):
            with suppress(FileNotFoundError):  # it has just been finished
                if path.stat().st_mtime < time.time() - ABANDONED_S:
                    path.unlink()


def _records_in(files: Sequence[Path]) -> int:
    """By the files' names."""
    numbers = [path.stem.rpartition("-")[2] for path in files]
    return sum(int(number) if number.isdecimal() else 1 for number in numbers)


def _age_s(files: Sequence[Path]) -> float:
    """Of the oldest, which is the first."""
    written_ns = files[0].name.partition("-")[0] if files else ""
    return max(0.0, time.time() - int(written_ns) / 1e9) if written_ns.isdecimal() else 0.0


def _record(item: dict[str, Any]) -> Record:
    known = {field.name for field in fields(Record)}
    predictions = [(int(index), float(probability)) for index, probability in item["predictions"]]
    return Record(**{name: value for name, value in {**item, "predictions": predictions}.items() if name in known})


def _sync(folder: Path) -> None:
    """A rename lasts once the folder is on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
