"""Decodes the JPEGs or WebPs in a TIFF, one per tile or strip. JPEGs may share their tables."""

from io import BytesIO
from typing import Final

from PIL import Image, ImageOps, WebPImagePlugin

from serve_app.images import tiff_directory as tag
from serve_app.images import tiff_layout as layouts
from serve_app.images.jpeg import decode_jpeg
from serve_app.images.stored_picture import damaged, unsupported
from serve_app.images.tiff_directory import Tags
from serve_app.images.tiff_layout import TiffLayout

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
    mode = "RGBA" if layout.alpha is not None else _MODES[layout.colour][0]
    picture = Image.new(mode, (layout.width, layout.height))
    for index in range(across * down):
        stream = data[offsets[index] : offsets[index] + sizes[index]]
        block = _webp(stream, layout) if layout.codec == layouts.WEBP else _jpeg(stream, tables, layout)
        place = (index % across * layout.block[0], index // across * layout.block[1])
        if block.width < min(layout.block[0], layout.width - place[0]) or block.height < min(
            layout.block[1], layout.height - place[1]
        ):
            raise damaged("TIFF", "a part of the picture is missing")
        picture.paste(block, place)
    return ImageOps.invert(picture) if layout.colour == layouts.WHITE_IS_ZERO else picture


def _jpeg(stream: bytes, tables: bytes, layout: TiffLayout) -> Image.Image:
    largest = (layout.block[0] + _PADDING, layout.block[1] + _PADDING)
    return decode_jpeg(tables + stream[2:] if tables else stream, _MODES[layout.colour][1:], largest)


def _webp(stream: bytes, layout: TiffLayout) -> Image.Image:
    image = WebPImagePlugin.WebPImageFile(BytesIO(stream))
    if image.width > layout.block[0] or image.height > layout.block[1]:
        raise damaged("TIFF", "a part of it is larger than its tiles or strips")
    image.load()
    return image
