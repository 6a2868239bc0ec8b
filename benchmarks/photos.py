"""Test photos of uniform size, made from photos in installed packages."""

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
"""The size of a typical photo of ImageNet. The JPEG quality of each photo is chosen to match it."""

TOLERANCE: Final = 0.15
"""Maximum relative deviation from BYTES; other views are skipped."""

SOURCES: Final = {
    "foolbox": ("imagenet_*.jpg",),
    "skimage": ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg"),
}


class NotEnoughPhotos(RuntimeError):
    """The installed packages contain too few photos."""


def photos(count: int = 80, seed: int = 0) -> list[bytes]:
    """``count`` different JPEG files of 500 × 375 pixels and about 98 KB; the result is deterministic.

    Raises NotEnoughPhotos.
    """
    candidates = list(_views())
    random.Random(seed).shuffle(candidates)
    encoded: list[bytes] = []
    for view in candidates:
        if len(encoded) == count:
            break
        data = _encoded(view)
        if abs(len(data) - BYTES) <= TOLERANCE * BYTES:
            encoded.append(data)
    if len(encoded) < count:
        raise NotEnoughPhotos(f"{count} photos were requested, but only {len(encoded)} are available.")
    return encoded


def _views() -> Iterator[Image.Image]:
    """Four views of each photo: original, mirrored, and two corner crops."""
    for package, patterns in SOURCES.items():
        folder = data_folder(package)
        for path in (path for pattern in patterns for path in sorted(folder.glob(pattern))):
            photo = Image.open(path).convert("RGB")
            width, height = photo.size
            corners = [(0, 0, width * 3 // 4, height * 3 // 4), (width // 3, height // 3, width, height)]
            for view in (photo, ImageOps.mirror(photo), *(photo.crop(corner) for corner in corners)):
                yield ImageOps.fit(view, (WIDTH, HEIGHT))


def data_folder(package: str) -> Path:
    """The data folder of an installed package, which is not imported. Raises NotEnoughPhotos."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise NotEnoughPhotos(f"The package {package}, which contains the photos, is not installed.")
    return Path(found.origin).with_name("data")


def _encoded(view: Image.Image) -> bytes:
    """A JPEG file of the quality that comes closest to BYTES."""
    low, high = 50, 100
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(_jpeg(view, middle)) <= BYTES else (low, middle)
    return min((_jpeg(view, low), _jpeg(view, high)), key=lambda data: abs(len(data) - BYTES))


def _jpeg(view: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    view.save(file, "JPEG", quality=quality)
    return file.getvalue()
