"""What the user named: files, patterns, folders, URLs, standard input → single images."""

import glob
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from serve_app.errors import ImageMissing, ImageTooLarge, RaylensError
from serve_app.images.limits import MAX_IMAGE_BYTES

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif"})
"""Files of a folder that count as images; a file named by itself may be called anything."""

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """One image to be, by the name it is shown under."""

    name: str
    problem: RaylensError | None = None
    """Why there is nothing to read."""

    @property
    def is_url(self) -> bool:
        return self.name.lower().startswith(("http://", "https://"))

    def read(self) -> bytes:
        """The encoded image, no further than the limit. Raises RaylensError; not for URLs."""
        if self.problem:
            raise self.problem
        try:
            data = _read(self.name)
        except OSError as error:
            raise ImageMissing(f"Cannot be read: {error.strerror or error}.") from None
        if not data:
            raise ImageMissing("The file is empty.")
        if len(data) > MAX_IMAGE_BYTES:
            raise ImageTooLarge(f"Larger than {MAX_IMAGE_BYTES // 2**20} MiB.")
        return data


def expand(inputs: Iterable[str]) -> list[Source]:
    """Each image once for each time it is named, folders and patterns in the order of their names."""
    return [source for name in inputs for source in _expanded(name)]


def _expanded(name: str) -> Iterator[Source]:
    source = Source(name)
    if name == STDIN or source.is_url or Path(name).is_file():
        yield source
    elif Path(name).is_dir():
        yield from _in_folder(Path(name))
    elif glob.has_magic(name):
        matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - a pattern may be absolute
        yield from (found for match in matches for found in _expanded(match))
        if not matches:
            yield Source(name, ImageMissing("Nothing matches this pattern."))
    else:
        yield Source(name, ImageMissing("There is no such file or folder."))


def _in_folder(folder: Path) -> Iterator[Source]:
    images = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    yield from (Source(str(path)) for path in images)
    if not images:
        yield Source(str(folder), ImageMissing("There are no images in this folder."))


def _read(name: str) -> bytes:
    if name == STDIN:
        return sys.stdin.buffer.read(MAX_IMAGE_BYTES + 1)
    with Path(name).open("rb") as file:
        return file.read(MAX_IMAGE_BYTES + 1)
