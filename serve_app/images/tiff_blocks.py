"""Decodes the JPEGs or WebPs in a TIFF, one per tile or strip. JPEGs may share their tables."""

import math
from typing import Final

from PIL import Image, ImageOps

from serve_app.images import tiff_directory as tag
from serve_app.images import tiff_layout as layouts
from serve_app.images.colour import conversion_bytes
from serve_app.images.jpeg import decode_jpeg
from serve_app.images.jpeg_structure import PartOfPicture
from serve_app.images.stored_picture import damaged, image_bytes, unsupported
from serve_app.images.tiff_directory import Tags
from serve_app.images.tiff_layout import TiffLayout
from serve_app.images.tiff_parts import TiffParts
from serve_app.images.vp8l import SymbolBudget
from serve_app.images.webp import WEBP_PIXEL_BYTES, decode_webp, webp_code_bytes

MAX_BLOCKS: Final = 10_000
"""Each takes about 0.1 ms besides its pixels."""

_PADDING: Final = 31
"""Pixels by which some encoders round up the size of a strip: that of an MCU."""

_MODES: Final[dict[int, tuple[str, str, str]]] = {
    layouts.WHITE_IS_ZERO: ("L", "L", "L"),
    layouts.BLACK_IS_ZERO: ("L", "L", "L"),
    layouts.RGB: ("RGB", "RGB", "RGB"),
    layouts.YCBCR: ("RGB", "RGB", "YCbCr"),
    layouts.CMYK: ("CMYK", "CMYK", "CMYK"),
}
"""By photometric interpretation: Pillow's mode, what its decoder returns, and what the JPEG holds."""


def decode_blocks(data: bytes, tags: Tags, layout: TiffLayout) -> Image.Image:
    """:raises CorruptImage, UnsupportedImage: a block is incomplete, of another size or of an unknown variant."""
    places = _places(data, tags, layout)
    across, down = layout.blocks
    tables = bytes(tags.get(tag.JPEG_TABLES, ())).removesuffix(b"\xff\xd9")
    picture: Image.Image | None = None
    for index, part in enumerate(places):
        stream = data[part]
        block = decode_webp(stream, layout.block) if layout.codec == layouts.WEBP else _jpeg(stream, tables, layout)
        place = (index % across * layout.block[0], index // across * layout.block[1])
        if block.width < min(layout.block[0], layout.width - place[0]) or block.height < min(
            layout.block[1], layout.height - place[1]
        ):
            raise damaged("TIFF", "a part of the picture is missing")
        if across * down == 1:
            picture = block.crop((0, 0, layout.width, layout.height))
            break
        picture = Image.new(_mode(layout), (layout.width, layout.height)) if picture is None else picture
        picture.paste(block, place)
        del block  # before the next one is decoded
    if picture is None:
        raise damaged("TIFF", "it has no pixels")
    return ImageOps.invert(picture) if layout.colour == layouts.WHITE_IS_ZERO else picture


def blocks_bytes(data: bytes, tags: Tags, layout: TiffLayout) -> int:
    """Memory for :func:`decode_blocks` and the conversion of the picture.

    :raises CorruptImage, UnsupportedImage: parts are missing, or there are too many.
    """
    mode, size = _mode(layout), (layout.width, layout.height)
    places = _places(data, tags, layout)
    if layout.codec == layouts.WEBP:
        symbols = SymbolBudget()
        codes = max(webp_code_bytes(memoryview(data)[place], symbols) for place in places)
        block = WEBP_PIXEL_BYTES * layout.block[0] * layout.block[1] + codes
    else:
        padded = (layout.block[0] + 2 * _PADDING, layout.block[1] + 2 * _PADDING)
        block = image_bytes(mode, padded) + 2 * layout.samples * padded[0] * padded[1]
    picture = image_bytes(mode, size)
    decoded = block if math.prod(layout.blocks) == 1 else block + picture
    return max(decoded, 2 * picture, picture + conversion_bytes(mode, size))


def _places(data: bytes, tags: Tags, layout: TiffLayout) -> list[slice]:
    """Where the pictures are in the file."""
    number = math.prod(layout.blocks)
    if number > MAX_BLOCKS:
        raise unsupported(f"TIFF with more than {MAX_BLOCKS:,} compressed pictures")
    return TiffParts.of(len(data), tags, tiled=layout.tiled).places[:number]


def _mode(layout: TiffLayout) -> str:
    return "RGBA" if layout.alpha is not None else _MODES[layout.colour][0]


def _jpeg(stream: bytes, tables: bytes, layout: TiffLayout) -> Image.Image:
    whole = PartOfPicture(layout.width * layout.height, math.prod(layout.blocks))
    largest = (layout.block[0] + _PADDING, layout.block[1] + _PADDING)
    return decode_jpeg(tables + stream[2:] if tables else stream, _MODES[layout.colour][1:], largest, whole)
