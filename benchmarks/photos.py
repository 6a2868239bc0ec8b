"""Photos to classify: views of real ones that installed packages bring along, all alike in pixels and bytes."""

import io
import random
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

WIDTH: Final = 500
HEIGHT: Final = 375
BYTES: Final = 98_000
"""The size of a typical photo of ImageNet. The quality of each JPEG is chosen to come near it."""

TOLERANCE: Final = 0.15
"""Views that miss BYTES by more, at whatever quality, are left out."""

SOURCES: Final = {
    "foolbox": ("imagenet_*.jpg",),
    "skimage": ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg"),
}


class NotEnoughPhotos(RuntimeError):
    """The packages bring fewer photos than were asked for."""


def photos(count: int = 80, seed: int = 0) -> list[bytes]:
    """``count`` different JPEG files of 500 × 375 pixels and about 98 KB, the same ones each time.

    Raises NotEnoughPhotos.
    """
    candidates = list(_views())
    random.Random(seed).shuffle(candidates)
    encoded: list[bytes] = []
    for view in candidates:
        data = _encoded(view)
        if abs(len(data) - BYTES) <= TOLERANCE * BYTES and len(encoded) < count:
            encoded.append(data)
    if len(encoded) < count:
        raise NotEnoughPhotos(f"{count} photos are wanted, {len(encoded)} can be made.")
    return encoded


def _views() -> Iterator[Image.Image]:
    """Each photo whole and mirrored, and two corners of it."""
    for package, patterns in SOURCES.items():
        folder = data_folder(package)
        for path in (path for pattern in patterns for path in sorted(folder.glob(pattern))):
            photo = Image.open(path).convert("RGB")
            width, height = photo.size
            corners = [(0, 0, width * 3 // 4, height * 3 // 4), (width // 3, height // 3, width, height)]
            for view in (photo, ImageOps.mirror(photo), *(photo.crop(corner) for corner in corners)):
                yield ImageOps.fit(view, (WIDTH, HEIGHT))


def data_folder(package: str) -> Path:
    """Found without importing the package: only its files are wanted."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise NotEnoughPhotos(f"The package {package}, which brings photos, is not installed.")
    return Path(found.origin).with_name("data")


def _encoded(view: Image.Image) -> bytes:
    """As JPEG, of the highest quality that doesn't exceed BYTES, or the one above where that is nearer."""
    low, high = 50, 100
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(_jpeg(view, middle)) <= BYTES else (low, middle)
    return min((_jpeg(view, low), _jpeg(view, high)), key=lambda data: abs(len(data) - BYTES))


def _jpeg(view: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    view.save(file, "JPEG", quality=quality)
    return file.getvalue()
