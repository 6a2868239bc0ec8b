"""Resizes pictures with a bicubic filter and antialiasing: the algorithm and pixels of Pillow, with SIMD instructions.

Of ``cykooz-resizer`` there is no package for Linux on aarch64, where Pillow itself resizes.
"""

import importlib
import math
from importlib.util import find_spec
from typing import Any, Final

from PIL import Image

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

REDUCING_GAP: Final = 3.0
"""Larger pictures are reduced by averaging to this many pixels per pixel of the result, then resized bicubic."""

_SUPPORT: Final = 2
"""Radius of the bicubic filter, in pixels of the smaller picture."""

_SIMD: Final[Any] = importlib.import_module("cykooz_resizer") if find_spec("cykooz_resizer") else None


def resize(image: Image.Image, box: Box, size: tuple[int, int]) -> Image.Image:
    """Resize the ``box`` of a picture to ``size`` (width, height). Releases the GIL.

    ``image`` has mode ``L``, ``RGB`` or ``RGBX``.
    """
    if _SIMD is None:
        return image.resize(size, Image.Resampling.BICUBIC, box, REDUCING_GAP)
    image, box = _reduced(image, box, size)
    _, top, _, bottom = surroundings(image.size, box, size)
    # Across, then down, like Pillow. One step would go down first, and rounding change the pixels by 0.2 on average.
    wide = _convolved(image, (box[0], top, box[2], bottom), (size[0], bottom - top))
    return _convolved(wide, (0, box[1] - top, size[0], box[3] - top), size)


def surroundings(within: tuple[int, int], box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of a picture, ``within`` its size, that the filter reads for ``box``."""
    across, down = (_SUPPORT * max(scale, 1) + 1 for scale in _scales(box, size))
    return _widened(within, box, across, down)


def _scales(box: Box, size: tuple[int, int]) -> tuple[float, float]:
    return (box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]


def _widened(within: tuple[int, int], box: Box, across: float, down: float) -> tuple[int, int, int, int]:
    left, top = max(0, math.floor(box[0] - across)), max(0, math.floor(box[1] - down))
    return left, top, min(within[0], math.ceil(box[2] + across)), min(within[1], math.ceil(box[3] + down))


def _reduced(image: Image.Image, box: Box, size: tuple[int, int]) -> tuple[Image.Image, Box]:
    """Average blocks of a large picture, as Pillow does for a ``reducing_gap``: its filter would be large as well."""
    scales = _scales(box, size)
    across, down = (max(int(scale / REDUCING_GAP), 1) for scale in scales)
    if across == down == 1:
        return image, box
    # What Pillow widens the box by decides where the blocks are.
    left, top, right, bottom = _widened(image.size, box, *((_SUPPORT - 0.5) * scale for scale in scales))
    reduced = image.reduce((across, down), (left, top, right, bottom))
    return reduced, ((box[0] - left) / across, (box[1] - top) / down, (box[2] - left) / across, (box[3] - top) / down)


def _convolved(image: Image.Image, box: Box, size: tuple[int, int]) -> Image.Image:
    left, top, right, bottom = box
    part = _SIMD.CropBox(left, top, _length(left, right, image.width), _length(top, bottom, image.height))
    bicubic = _SIMD.ResizeAlg.convolution(_SIMD.FilterType.catmull_rom)
    if image.mode == "RGBX":
        image._mode = "RGB"  # the memory is the same, but the resizer knows only this name
    result = Image.new(image.mode, size)
    _SIMD.Resizer().resize_pil(image, result, _SIMD.ResizeOptions(bicubic, crop_box=part))
    return result


def _length(start: float, end: float, within: int) -> float:
    """``end - start``, rounded so that the sum with ``start`` is not outside of the picture."""
    length = end - start
    while start + length > within:
        length = math.nextafter(length, 0)
    return length
