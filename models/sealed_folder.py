"""A folder of files that is whole or not there: made by one process at a time, with the checksums of its files."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MANIFEST = "manifest.json"

Fill = Callable[[Path], None]
"""Puts the files into the empty folder it is given, or raises."""


def is_intact(folder: Path, files: tuple[str, ...]) -> bool:
    """Whether the folder holds these files with the checksums of the day they were made."""
    try:
        manifest: dict[str, str] = json.loads((folder / MANIFEST).read_bytes())
        return all(_sha256(folder / name) == manifest[name] for name in files)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def ensure(folder: Path, files: tuple[str, ...], fill: Fill) -> None:
    """Make the folder unless an intact one is there. Of several processes one makes it, the others wait for it."""
    if not is_intact(folder, files):
        with _alone(folder):
            if not is_intact(folder, files):
                _make(folder, files, fill)


def replace(folder: Path, files: tuple[str, ...], fill: Fill) -> None:
    """Make the folder anew. Where ``fill`` raises, the one of before stays."""
    with _alone(folder):
        _make(folder, files, fill)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system releases should this process die."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(folder: Path, files: tuple[str, ...], fill: Fill) -> None:
    prefix = f".{folder.name}.build-"
    for left_behind in folder.parent.glob(f"{prefix}*"):  # by a process that was killed
        shutil.rmtree(left_behind, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        fill(draft)
        manifest = {name: _sha256(draft / name) for name in files}
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2))
        _flush(draft)
        shutil.rmtree(folder, ignore_errors=True)
        draft.chmod(0o755)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _flush(folder: Path) -> None:
    """To disk, before the rename makes it count: else a power cut could leave a whole name on half a file."""
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
