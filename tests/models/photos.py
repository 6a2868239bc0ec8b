"""Real photos from installed packages: 20 with ImageNet labels and six without."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from models.arrays import UInt8Array
from models.spec import Transform

UNLABELLED = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "camera.png")

VIEWS = 4
"""Number of consecutive views of each photo in ``varied()``."""


def labelled() -> list[tuple[int, Image.Image]]:
    """ImageNet class index and photo; the number at the end of a file's name is the class."""
    folder = _data_folder("foolbox")
    paths = sorted(folder.glob("imagenet_*.jpg"))
    return [(int(path.stem.rpartition("_")[2]), Image.open(path).convert("RGB")) for path in paths]


def varied() -> list[Image.Image]:
    """Four views of each photo: original, mirrored, and two corner crops."""
    folder = _data_folder("skimage")
    photos = [photo for _, photo in labelled()] + [Image.open(folder / name).convert("RGB") for name in UNLABELLED]
    return [view for photo in photos for view in _views(photo)]


def pixels(images: list[Image.Image], transform: Transform) -> UInt8Array:
    """uint8 (N, size, size, 3): the centre crop of each, resized with Pillow's bicubic filter."""
    return np.stack([_cropped(image, transform) for image in images])


def _data_folder(package: str) -> Path:
    """Located without importing the package, which would cause warnings."""
    spec = find_spec(package)
    assert spec
    assert spec.origin
    return Path(spec.origin).with_name("data")


def _views(photo: Image.Image) -> list[Image.Image]:
    width, height = photo.size
    corners = [(0, 0, width * 3 // 4, height * 3 // 4), (width // 3, height // 3, width, height)]
    return [photo, ImageOps.mirror(photo), *(photo.crop(corner) for corner in corners)]


def _cropped(image: Image.Image, transform: Transform) -> UInt8Array:
    side = min(image.size) * transform.crop
    left, top = (image.width - side) / 2, (image.height - side) / 2
    size = (transform.width, transform.height)
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)))
