"""Converts every pixel format to 8-bit RGB or grey, with transparency on white.

Embedded ICC profiles are ignored, as in the training of the models: values are taken as sRGB.
"""

import numpy as np
from PIL import Image

from models.arrays import UInt8Array

_DEEP = "I;16"
"""Mode of 16-bit grey, of which only a PNG is decoded in this mode."""


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


def to_plain(image: Image.Image) -> Image.Image:
    """Convert the picture to mode ``RGB`` or ``L``.

    :raises ValueError: Pillow cannot convert its mode to RGB.
    """
    if image.mode == _DEEP:
        return Image.fromarray(_eight_bits(image))
    if image.has_transparency_data:
        return _on_white(image if image.mode == "RGBA" else image.convert("RGBA"))
    if image.mode in ("1", "L"):
        return image.convert("L")
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(image, mask=image.getchannel("A"))
    return canvas


def _eight_bits(image: Image.Image) -> UInt8Array:
    """uint8 (H, W) of 16-bit grey."""
    values = np.asarray(image)
    grey = (values >> 8).astype(np.uint8)
    if isinstance(key := image.info.get("transparency"), int):
        grey[values == key] = 255
    return grey
