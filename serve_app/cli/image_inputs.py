"""Expands files, patterns, folders, URLs and standard input to single images."""

import glob
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from serve_app.errors import ImageMissing, ImageTooLarge, RaylensError
from serve_app.images.limits import MAX_IMAGE_BYTES

_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif"})
"""Suffixes of the images in a folder; a file that is named itself may have any suffix."""

STDIN = "-"


@dataclass(frozen=True, slots=True)
class ImageInput:
    """One image to classify; ``name`` is its path, its URL or ``-``."""

    name: str
    problem: RaylensError | None = None
    """The error if there is no image."""

    @property
    def is_url(self) -> bool:
        return self.name.lower().startswith(("http://", "https://"))

    def read(self) -> bytes:
        """The encoded image, up to the size limit. Raises RaylensError. Not for URLs."""
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


def expand(inputs: Iterable[str]) -> list[ImageInput]:
    """The images in the given order; those of folders and patterns sorted by name."""
    return [source for name in inputs for source in _expanded(name)]


def _expanded(name: str) -> Iterator[ImageInput]:
    source = ImageInput(name)
    if name == STDIN or source.is_url or Path(name).is_file():
        yield source
    elif Path(name).is_dir():
        yield from _in_folder(Path(name))
    elif glob.has_magic(name):
        matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - a pattern may be absolute
        yield from (found for match in matches for found in _expanded(match))
        if not matches:
            yield ImageInput(name, ImageMissing("No file matches this pattern."))
    else:
        yield ImageInput(name, ImageMissing("No such file or folder."))


def _in_folder(folder: Path) -> Iterator[ImageInput]:
    images = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
    yield from (ImageInput(str(path)) for path in images)
    if not images:
        yield ImageInput(str(folder), ImageMissing("This folder contains no images."))


def _read(name: str) -> bytes:
    if name == STDIN:
        return sys.stdin.buffer.read(MAX_IMAGE_BYTES + 1)
    with Path(name).open("rb") as file:
        return file.read(MAX_IMAGE_BYTES + 1)
