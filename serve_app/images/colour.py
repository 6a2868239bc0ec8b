"""Converts every pixel format to 8-bit RGB or grey, with transparency on white.

Embedded ICC profiles are ignored, as in the training of the models: values are taken as sRGB.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, TiffImagePlugin

from models.arrays import UInt8Array

_FAR = 1e30
"""Values are clipped to this, so that differences and quotients stay within float32."""

_DEEP_MODES = frozenset(("I;16", "I;16L", "I;16B", "I;16N", "I", "F"))


class Samples(NamedTuple):
    """Properties of grey values that only the file has: a cropped picture loses them."""

    bits: int = 16
    white_is_zero: bool = False

    @classmethod
    def of(cls, image: Image.Image) -> "Samples":
        if not isinstance(image, TiffImagePlugin.TiffImageFile):
            return cls()
        bits = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (16,))
        return cls(int(bits[0]), image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0)


def scale_colour_key(image: Image.Image, bits: int) -> None:
    """Scale the transparent colour of a PNG from the ``bits`` of the file to the 8 bits that Pillow decodes to."""
    key = image.info.get("transparency")
    if isinstance(key, int) and image.mode == "L" and bits < 8:
        image.info["transparency"] = key * 255 // (2**bits - 1)
    elif isinstance(key, tuple) and bits == 16:
        image.info["transparency"] = tuple(value >> 8 for value in key)


def is_plain(image: Image.Image) -> bool:
    """Whether the picture can be resized without conversion."""
    return image.mode in ("RGB", "L") and "transparency" not in image.info


def to_plain(image: Image.Image, samples: Samples) -> Image.Image:
    """Convert the picture to mode ``RGB`` or ``L``.

    :raises ValueError: Pillow cannot convert its mode to RGB.
    """
    if image.mode in _DEEP_MODES:
        return Image.fromarray(_eight_bits(image, samples))
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        return _on_white(image if image.mode == "RGBA" else image.convert("RGBA"))
    if image.mode in ("1", "L"):
        return image.convert("L")
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(image, mask=image.getchannel("A"))
    return canvas


def _eight_bits(image: Image.Image, samples: Samples) -> UInt8Array:
    """uint8 (H, W) of 16-bit, 32-bit or floating-point grey."""
    values = np.asarray(image)
    grey = _by_depth(values, samples.bits) if image.mode.startswith("I;16") else _by_range(values)
    if samples.white_is_zero:
        grey = 255 - grey
    if isinstance(key := image.info.get("transparency"), int):
        grey[values == key] = 255
    return grey


def _by_depth(values: npt.NDArray[np.integer], bits: int) -> UInt8Array:
    return (values >> max(bits - 8, 0)).astype(np.uint8)


def _by_range(values: npt.NDArray[np.number]) -> UInt8Array:
    """Scale values without a defined white: by the smallest usual full scale that holds them, else by their range."""
    numbers = np.nan_to_num(values.astype(np.float32), copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    np.clip(numbers, -_FAR, _FAR, out=numbers)
    low, high = float(numbers.min()), float(numbers.max())
    scales = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
    white = next((scale for scale in scales if low >= 0 and high <= scale), None)
    if white is None:
        numbers -= low
        white = max(high - low, 1 / _FAR)
    numbers *= 255.0 / white  # in place, because these are the largest arrays
    numbers += 0.5
    return np.clip(numbers, 0, 255, out=numbers).astype(np.uint8)
