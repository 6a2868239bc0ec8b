"""Ways to decode and resize JPEG files, including that of the service."""

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from PIL import Image, ImageFile

from models.arrays import UInt8Array
from models.spec import Transform
from serve_app.images.bounded_file import BoundedFile
from serve_app.images.decoding import decode
from serve_app.images.jpeg_structure import JpegStructure
from serve_app.images.limits import MAX_IMAGE_BYTES
from serve_app.images.orientation import orientation_in, upright
from serve_app.images.resizing import Box

REFERENCE: Final = "exact"
SERVICE: Final = "the service"

Decode = Callable[[bytes, Transform], UInt8Array]
"""A JPEG file → uint8 (size, size, 3) RGB."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """Decoding with Pillow, with the same checks as the service."""

    gap: float | None = None
    """Decode at 1/2, 1/4 or 1/8 scale if the result has at least this many times the target size; None: never."""
    smaller: Image.Resampling = Image.Resampling.BICUBIC
    """Filter for downscaling."""
    larger: Image.Resampling = Image.Resampling.BICUBIC
    """Filter for upscaling."""
    mode: str | None = None
    """Colour space for resizing."""
    fast: bool = False
    """libjpeg's fastest DCT, and no chroma smoothing."""

    def __call__(self, data: bytes, transform: Transform) -> UInt8Array:
        structure = JpegStructure(data)
        with Image.open(BoundedFile(data), formats=["JPEG"]) as image:
            assert isinstance(image, ImageFile.ImageFile)
            box = self._load(image, transform)
            enlarges = box[2] - box[0] < transform.height
            size = (transform.height, transform.height)
            square = image.resize(size, self.larger if enlarges else self.smaller, box).convert("RGB")
            return np.asarray(upright(square, orientation_in(structure.exif, structure.xmp)))

    def _load(self, image: ImageFile.ImageFile, transform: Transform) -> Box:
        least = max(image.size) if self.gap is None else math.ceil(self.gap * transform.height / transform.crop)
        draft = image.draft(self.mode, (least, least))
        assert draft
        image.decodermaxblock = MAX_IMAGE_BYTES
        if self.fast:
            image.decoderconfig = (image.decoderconfig[0], 1)
        image.load()
        return _centre(draft[1][2:], image.size, transform.crop)


def _centre(size: tuple[float, float], within: tuple[int, int], crop: float) -> Box:
    """The centre crop of an image of ``size``; libjpeg rounds the decoded size up to ``within``."""
    side = crop * min(size)
    left, top = (size[0] - side) / 2, (size[1] - side) / 2
    return left, top, min(left + side, within[0]), min(top + side, within[1])


@dataclass(frozen=True, slots=True)
class Area:
    """OpenCV's area interpolation (bilinear for upscaling) after decoding with Pillow or simplejpeg.

    Crops at whole pixels.
    """

    gap: float
    simplejpeg: bool

    def __call__(self, data: bytes, transform: Transform) -> UInt8Array:
        JpegStructure(data)
        pixels = self._pixels(data, math.ceil(self.gap * transform.height / transform.crop))
        height, width = pixels.shape[:2]
        side = round(transform.crop * min(width, height))
        left, top = (width - side) // 2, (height - side) // 2
        cv2 = importlib.import_module("cv2")
        cv2.setNumThreads(1)  # like Pillow, and so that thread time is complete
        method = cv2.INTER_AREA if side >= transform.height else cv2.INTER_LINEAR
        square: UInt8Array = cv2.resize(
            pixels[top : top + side, left : left + side], (transform.height, transform.height), interpolation=method
        )
        return square

    def _pixels(self, data: bytes, least: int) -> UInt8Array:
        if self.simplejpeg:
            decode_jpeg: Any = importlib.import_module("simplejpeg").decode_jpeg
            pixels: UInt8Array = decode_jpeg(data, min_height=least, min_width=least)
            return pixels
        with Image.open(BoundedFile(data), formats=["JPEG"]) as image:
            image.draft(None, (least, least))
            return np.asarray(image)


def _service(data: bytes, transform: Transform) -> UInt8Array:
    return decode(data, transform)[1]


_PILLOW: Final[dict[str, Decode]] = {
    REFERENCE: Scaled(),
    SERVICE: _service,
    "Pillow": Scaled(2.5),
    "Pillow, gap 2": Scaled(2.0),
    "gap 1.4": Scaled(1.4),
    "gap 1": Scaled(1.0),
    "YCbCr": Scaled(2.0, mode="YCbCr"),
    "fast DCT": Scaled(2.0, fast=True),
    "Hamming": Scaled(2.0, Image.Resampling.HAMMING),
    "Hamming, gap 1.4": Scaled(1.4, Image.Resampling.HAMMING),
    "bilinear": Scaled(2.0, Image.Resampling.BILINEAR),
    "bilinear always": Scaled(2.0, Image.Resampling.BILINEAR, Image.Resampling.BILINEAR),
    "box": Scaled(2.0, Image.Resampling.BOX),
}
"""Unless noted otherwise, bicubic with a gap of 2. *Pillow* has the gap of the service, 2.5."""


def variants() -> dict[str, Decode]:
    """By title, REFERENCE first. Includes OpenCV and simplejpeg if they are installed."""
    found = dict(_PILLOW)
    if find_spec("cv2"):
        found["OpenCV area"] = Area(2.0, simplejpeg=False)
        if find_spec("simplejpeg"):
            found["simplejpeg, OpenCV area"] = Area(2.0, simplejpeg=True)
    return found
