"""Any number of distinct real photos: crops of the photos in installed packages."""

import hashlib
import io
import random
from dataclasses import dataclass

from PIL import Image

from tests.models.photos import labelled


@dataclass(frozen=True, slots=True)
class Photo:
    """An encoded photo and its hash."""

    data: bytes
    sha256: str


def crops(count: int, *, side: int = 300, quality: int = 85, seed: int = 1) -> list[Photo]:
    """``count`` distinct JPEGs whose longer side has at most ``side`` pixels; the same ones for the same arguments.

    Each crop contains at least 9/10 of a photo's width and height, so its class is that of the photo.
    """
    rng = random.Random(seed)
    sources = [photo for _, photo in labelled()]
    for source in sources:
        source.thumbnail((side * 10 // 9, side * 10 // 9))
    photos: dict[str, Photo] = {}
    while len(photos) < count:
        photo = _random_crop(sources[len(photos) % len(sources)], rng, quality)
        photos[photo.sha256] = photo
    return list(photos.values())


def _random_crop(source: Image.Image, rng: random.Random, quality: int) -> Photo:
    width, height = source.size
    left, top = rng.randrange(width // 10), rng.randrange(height // 10)
    stream = io.BytesIO()
    source.crop((left, top, left + width * 9 // 10, top + height * 9 // 10)).save(
        stream, "JPEG", quality=quality - rng.randrange(10), comment=rng.randbytes(8)
    )
    data = stream.getvalue()
    return Photo(data, hashlib.sha256(data).hexdigest())
