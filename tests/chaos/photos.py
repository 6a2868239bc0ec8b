"""Any number of real photos, no two the same bytes: crops of the photos that installed packages bring along."""

import hashlib
import io
import random
from dataclasses import dataclass

from PIL import Image

from tests.models.photos import labelled


@dataclass(frozen=True, slots=True)
class Photo:
    """An encoded photo and what is known of it beforehand."""

    data: bytes
    sha256: str
    source: int
    """Number of the photo it was cut from."""


def cut(count: int, *, side: int = 300, quality: int = 85, seed: int = 1) -> list[Photo]:
    """``count`` distinct JPEGs with a longer side of ``side`` pixels, the same ones for the same arguments.

    Each crop keeps at least 9/10 of a photo's width and height, so it still shows what the photo shows.
    """
    chance = random.Random(seed)
    sources = [photo for _, photo in labelled()]
    for picture in sources:
        picture.thumbnail((side * 10 // 9, side * 10 // 9))
    photos: dict[str, Photo] = {}
    while len(photos) < count:
        source = len(photos) % len(sources)
        photo = _encoded(sources[source], chance, quality, source)
        photos[photo.sha256] = photo
    return list(photos.values())


def _encoded(picture: Image.Image, chance: random.Random, quality: int, source: int) -> Photo:
    width, height = picture.size
    left, top = chance.randrange(width // 10), chance.randrange(height // 10)
    stream = io.BytesIO()
    picture.crop((left, top, left + width * 9 // 10, top + height * 9 // 10)).save(
        stream, "JPEG", quality=quality - chance.randrange(10), comment=chance.randbytes(8)
    )
    data = stream.getvalue()
    return Photo(data, hashlib.sha256(data).hexdigest(), source)
