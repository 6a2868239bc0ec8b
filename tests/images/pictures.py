"""Test pictures and their encoding."""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from models.spec import Transform
from serve_app.images.decoding import decode, inspect


def square(size: int = 16, crop: float = 1.0) -> Transform:
    """A transform to ``size`` × ``size`` pixels."""
    return Transform.square(size, crop)


def encode(picture: Image.Image, file_format: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


def photo(width: int = 96, height: int = 64, seed: int = 0) -> Image.Image:
    """Smooth colours with some detail, like a photo."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


CORNERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
"""Colours of the upright picture: top left, top right, bottom left, bottom right."""


def corners(width: int = 64, height: int = 64) -> Image.Image:
    """One colour in each quarter."""
    picture = Image.new("RGB", (2, 2))
    picture.putdata(CORNERS)
    return picture.resize((width, height), Image.Resampling.NEAREST)


def colours_of(pixels: Any) -> list[tuple[int, ...]]:
    """The colours in the middle of the four quarters of decoded pixels (S, S, 3), in the order of ``CORNERS``."""
    low, high = pixels.shape[0] // 4, 3 * pixels.shape[0] // 4
    return [tuple(int(value) for value in pixels[y, x]) for y in (low, high) for x in (low, high)]


def full_pixels(data: bytes) -> np.ndarray:
    """All decoded pixels of a file as integers (H, W, 3), not resized."""
    info = inspect(data)
    return decode(data, Transform(info.height, info.width, 1.0))[1].astype(int)
