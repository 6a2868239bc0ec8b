"""Converts every pixel format to 8-bit RGB or grey, with transparency on white.

Embedded ICC profiles are ignored, as in the training of the models: values are taken as sRGB.
"""

from typing import Final

import numpy as np
from PIL import Image

from models.arrays import UInt8Array
from serve_app.images.stored_picture import image_bytes

_DEEP = "I;16"
"""Mode of 16-bit grey, of which only a PNG is decoded in this mode."""


_PLAIN: Final = ("RGB", "RGBX", "L")
"""``RGBX`` has the memory of ``RGB``, whose fourth byte has no meaning either."""

_BAND_PIXELS: Final = 2**18
_BAND_BYTES: Final = 20
"""Memory per pixel of a band: parts, RGBA, RGB and opacity, or NumPy's of 16-bit grey."""


def scale_colour_key(image: Image.Image, bits: int) -> None:
    """Scale the transparent colour of a PNG from the ``bits`` of the file to the 8 bits that Pillow decodes to."""
    key = image.info.get("transparency")
    if isinstance(key, int) and image.mode == "L" and bits < 8:
        image.info["transparency"] = key * 255 // (2**bits - 1)
    elif isinstance(key, tuple) and bits == 16:
        image.info["transparency"] = tuple(value >> 8 for value in key)


def is_plain(image: Image.Image) -> bool:
    """Whether the picture can be resized without conversion."""
    return image.mode in _PLAIN and "transparency" not in image.info


def conversion_bytes(mode: str, size: tuple[int, int], *, transparent: bool = False) -> int:
    """Memory to convert a picture to mode ``RGB`` or ``L``. ``transparent``: it has a transparent color."""
    if mode in _PLAIN and not transparent:
        return 0
    width, height = size
    band = min(max(_BAND_PIXELS, width), width * height)
    return image_bytes("RGB", size) + _BAND_BYTES * band


def plain_part(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """A part of the picture, converted to mode ``RGB`` or ``L`` in bands of rows, which saves intermediate pictures.

    :raises ValueError: Pillow cannot convert its mode to RGB.
    """
    left, top, right, bottom = box
    step = max(1, _BAND_PIXELS // (right - left))
    part: Image.Image | None = None
    for start in range(top, bottom, step):
        band = _to_plain(image.crop((left, start, right, min(start + step, bottom))))
        part = Image.new(band.mode, (right - left, bottom - top)) if part is None else part
        part.paste(band, (0, start - top))
    if part is None:
        raise ValueError("The part has no rows.")
    return part


def _to_plain(image: Image.Image) -> Image.Image:
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
