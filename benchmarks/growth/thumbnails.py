"""Small images, so that decoding uses little CPU time."""

import io
from typing import Final

from PIL import Image

from benchmarks.photos import photos

WIDTH: Final = 64
HEIGHT: Final = 48
QUALITY: Final = 75


def thumbnails(count: int = 80) -> list[bytes]:
    """Distinct JPEG files; the result is deterministic. Raises NotEnoughPhotos."""
    return [_reduced(photo) for photo in photos(count)]


def _reduced(photo: bytes) -> bytes:
    file = io.BytesIO()
    with Image.open(io.BytesIO(photo)) as opened:
        opened.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
