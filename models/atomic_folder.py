"""Folders that are written atomically, by one process at a time, with a checksum manifest."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_MANIFEST = "manifest.json"

Fill = Callable[[Path], None]
"""Writes the files into the given empty folder, or raises."""


def is_intact(folder: Path, files: tuple[str, ...]) -> bool:
    """Whether the folder holds these files and they match the checksums in its manifest."""
    try:
        manifest: dict[str, str] = json.loads((folder / _MANIFEST).read_bytes())
        return all(_sha256(folder / name) == manifest[name] for name in files)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def ensure(folder: Path, files: tuple[str, ...], fill: Fill) -> None:
    """Create the folder unless an intact one exists. Concurrent callers wait for a single creation."""
    if not is_intact(folder, files):
        with _locked(folder):
            if not is_intact(folder, files):
                _create(folder, files, fill)


def replace(folder: Path, files: tuple[str, ...], fill: Fill) -> None:
    """Create the folder, replacing an existing one. If ``fill`` raises, the existing folder is kept."""
    with _locked(folder):
        _create(folder, files, fill)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. The operating system releases it if the process dies."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _create(folder: Path, files: tuple[str, ...], fill: Fill) -> None:
    prefix = f".{folder.name}.build-"
    for leftover in folder.parent.glob(f"{prefix}*"):  # from killed processes
        shutil.rmtree(leftover, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        fill(draft)
        manifest = {name: _sha256(draft / name) for name in files}
        (draft / _MANIFEST).write_text(json.dumps(manifest, indent=2))
        _flush(draft)
        shutil.rmtree(folder, ignore_errors=True)
        draft.chmod(0o755)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _flush(folder: Path) -> None:
    """Sync to disk before the rename, so that a power failure cannot leave incomplete files under the final name."""
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
