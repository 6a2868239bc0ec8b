"""Test photos in three sizes: thumbnail, web photo, camera photo."""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from benchmarks.photos import photos

THUMBNAIL: Final = "thumbnail"
PHOTO: Final = "photo"
LARGE: Final = "large"
SIZES: Final = (THUMBNAIL, PHOTO, LARGE)

TITLES: Final = {THUMBNAIL: "160 × 120", PHOTO: "500 × 375", LARGE: "4000 × 3000"}
GRAIN: Final = 6.0
"""Standard deviation of added noise in 8-bit values; without it, enlarged photos would compress and decode too well."""


@dataclass(frozen=True, slots=True)
class Photos:
    """JPEG files by size."""

    files: dict[str, list[bytes]]

    @classmethod
    def create(cls, usual: int = 80, large: int = 12) -> "Photos":
        """``usual``: number of thumbnails and photos; ``large``: of 12-megapixel photos. Raises NotEnoughPhotos."""
        originals = photos(max(usual, large))
        return cls(
            {
                THUMBNAIL: [_thumbnail(photo) for photo in originals[:usual]],
                PHOTO: originals[:usual],
                LARGE: [_large(photo, seed) for seed, photo in enumerate(originals[:large])],
            }
        )

    @property
    def all(self) -> list[bytes]:
        return [file for size in SIZES for file in self.files[size]]

    def mean_bytes(self) -> dict[str, float]:
        return {size: sum(map(len, files)) / len(files) for size, files in self.files.items()}


def _thumbnail(photo: bytes) -> bytes:
    return _jpeg(_opened(photo).resize((160, 120), Image.Resampling.LANCZOS), 85)


def _large(photo: bytes, seed: int) -> bytes:
    enlarged = np.asarray(_opened(photo).resize((4000, 3000), Image.Resampling.BICUBIC), np.float32)
    grain = np.random.default_rng(seed).normal(0, GRAIN, (*enlarged.shape[:2], 1)).astype(np.float32)
    return _jpeg(Image.fromarray(np.clip(enlarged + grain, 0, 255).astype(np.uint8)), 88)


def _opened(photo: bytes) -> Image.Image:
    return Image.open(io.BytesIO(photo)).convert("RGB")


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()
