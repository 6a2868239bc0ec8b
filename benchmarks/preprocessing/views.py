"""Test photos in several sizes: views of photos from installed packages."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from benchmarks.photos import data_folder

SOURCES: Final = {
    "foolbox": ("imagenet_*.jpg",),
    "skimage": (
        "astronaut.png",
        "chelsea.png",
        "coffee.png",
        "motorcycle_left.png",
        "motorcycle_right.png",
        "rocket.jpg",
    ),
}
LABELLED: Final = "foolbox"
"""Its files end in the ImageNet class."""

WINDOWS: Final = (
    (0.0, 0.0, 1.0, 1.0),
    (0.0, 0.0, 0.75, 0.75),
    (0.25, 0.0, 1.0, 0.75),
    (0.0, 0.25, 0.75, 1.0),
    (0.25, 0.25, 1.0, 1.0),
    (0.125, 0.125, 0.875, 0.875),
)
"""Left, top, right, bottom of each view as fractions of the photo; each is also mirrored."""

QUALITY: Final = 88
GRAIN: Final = 6.0
"""Standard deviation of added noise in 8-bit values; without it, enlarged photos would compress and decode too well."""


@dataclass(frozen=True, slots=True)
class Size:
    width: int
    height: int
    every: int = 1
    """Use only every n-th view, because large ones are slow."""

    @property
    def title(self) -> str:
        return f"{self.width} × {self.height}"


SIZES: Final = (Size(160, 120), Size(500, 375), Size(1000, 750), Size(1400, 1050), Size(4000, 3000, every=4))


@dataclass(frozen=True, slots=True)
class View:
    data: bytes
    """A JPEG file."""
    label: int | None
    """ImageNet class; None if unknown, or if the crop may have removed the object."""


def views(size: Size, most: int) -> Iterator[View]:
    """At most ``most`` views, distributed over all photos and deterministic. Raises NotEnoughPhotos."""
    photos = list(_photos())
    count = len(photos) * len(WINDOWS) * 2
    step = max(size.every, -(-count // most))
    for number in range(0, count, step):
        turn, place = divmod(number, len(photos))
        path, label = photos[place]
        picture = _view(path, WINDOWS[turn // 2], mirrored=turn % 2 == 1)
        yield View(_jpeg(_sized(picture, size, seed=number)), label if turn < 2 else None)


def _photos() -> Iterator[tuple[Path, int | None]]:
    for package, patterns in SOURCES.items():
        folder = data_folder(package)
        for path in (path for pattern in patterns for path in sorted(folder.glob(pattern))):
            yield path, int(path.stem.rpartition("_")[2]) if package == LABELLED else None


@cache
def _photo(path: Path) -> Image.Image:
    return Image.open(path).convert("RGB")


def _view(path: Path, window: tuple[float, float, float, float], *, mirrored: bool) -> Image.Image:
    photo = _photo(path)
    left, top, right, bottom = window
    width, height = photo.size
    view = photo.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))
    return ImageOps.mirror(view) if mirrored else view


def _sized(picture: Image.Image, size: Size, seed: int) -> Image.Image:
    """Resize and crop to ``size``; add noise if the image is enlarged."""
    enlarged = size.width * size.height > picture.width * picture.height
    fitted = ImageOps.fit(picture, (size.width, size.height), Image.Resampling.BICUBIC)
    if not enlarged:
        return fitted
    grain = np.random.default_rng(seed).standard_normal((size.height, size.width, 1), np.float32) * np.float32(GRAIN)
    return Image.fromarray(np.clip(np.asarray(fitted) + grain, 0, 255).astype(np.uint8))


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
