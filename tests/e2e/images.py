"""Photos and generated images to classify."""

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

URL = "/api/v1/classifications"
JPEG = {"Content-Type": "image/jpeg"}


def _data_folder(package: str) -> Path:
    """The data folder of an installed package, found without importing it."""
    spec = find_spec(package)
    assert spec
    assert spec.origin
    return Path(spec.origin).with_name("data")


CAT = _data_folder("skimage") / "chelsea.png"
PHOTOS = sorted(_data_folder("foolbox").glob("imagenet_*.jpg"))
"""20 photos; the number at the end of a file name is the ImageNet class."""


def random_jpeg(seed: int) -> bytes:
    """A JPEG of random pixels; each seed is a new image for the cache."""
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()
