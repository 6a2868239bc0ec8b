"""Decodes the JPEGs or WebPs in a TIFF, one per tile or strip. JPEGs may share their tables."""

import math
from typing import Final

from PIL import Image, ImageOps

from serve_app.images import tiff_directory as tag
from serve_app.images import tiff_layout as layouts
from serve_app.images.colour import conversion_bytes
from serve_app.images.jpeg import decode_jpeg
from serve_app.images.stored_picture import damaged, image_bytes, unsupported
from serve_app.images.tiff_directory import Tags
from serve_app.images.tiff_layout import TiffLayout
from serve_app.images.webp import WEBP_PIXEL_BYTES, decode_webp

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
    names = (tag.TILE_OFFSETS, tag.TILE_BYTES) if layout.tiled else (tag.STRIP_OFFSETS, tag.STRIP_BYTES)
    offsets, sizes = (tags.get(name, ()) for name in names)
    across, down = layout.blocks
    if across * down > MAX_BLOCKS:
        raise unsupported(f"TIFF with more than {MAX_BLOCKS:,} compressed pictures")
    if len(sizes) < across * down:
        raise damaged("TIFF", "the sizes of its parts are missing")
    tables = bytes(tags.get(tag.JPEG_TABLES, ())).removesuffix(b"\xff\xd9")
    picture: Image.Image | None = None
    for index in range(across * down):
        stream = data[offsets[index] : offsets[index] + sizes[index]]
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


def blocks_bytes(layout: TiffLayout) -> int:
    """Memory for :func:`decode_blocks` and the conversion of the picture."""
    mode, size = _mode(layout), (layout.width, layout.height)
    if layout.codec == layouts.WEBP:
        block = WEBP_PIXEL_BYTES * layout.block[0] * layout.block[1]
    else:
        padded = (layout.block[0] + 2 * _PADDING, layout.block[1] + 2 * _PADDING)
        block = image_bytes(mode, padded) + 2 * layout.samples * padded[0] * padded[1]
    picture = image_bytes(mode, size)
    decoded = block if math.prod(layout.blocks) == 1 else block + picture
    return max(decoded, 2 * picture, picture + conversion_bytes(mode, size))


def _mode(layout: TiffLayout) -> str:
    return "RGBA" if layout.alpha is not None else _MODES[layout.colour][0]


def _jpeg(stream: bytes, tables: bytes, layout: TiffLayout) -> Image.Image:
    largest = (layout.block[0] + _PADDING, layout.block[1] + _PADDING)
    return decode_jpeg(
        tables + stream[2:] if tables else stream, _MODES[layout.colour][1:], largest, layout.width * layout.height
    )
