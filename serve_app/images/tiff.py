"""Decodes TIFFs: the codecs are Pillow's, the meaning of the samples is ours.

Pillow knows a list of layouts, and takes some others for one of them. Here it decodes only bytes, as an 8-bit picture
that is as wide as a row has bytes, or what the codec itself knows to be a picture.
"""

import ctypes
import math
from contextlib import suppress
from itertools import accumulate
from typing import Final

from PIL import Image, TiffImagePlugin, _imaging

from serve_app.images import tiff_directory as tag
from serve_app.images import tiff_layout as layouts
from serve_app.images.bounded_file import BoundedFile
from serve_app.images.colour import conversion_bytes
from serve_app.images.limits import MAX_IMAGE_PIXELS
from serve_app.images.stored_picture import LoadedPicture, StoredPicture, damaged, image_bytes
from serve_app.images.tiff_blocks import blocks_bytes, decode_blocks
from serve_app.images.tiff_directory import Tags, read_directory, write_tiff
from serve_app.images.tiff_layout import TiffLayout
from serve_app.images.tiff_parts import TiffParts
from serve_app.images.tiff_samples import picture_of, samples_bytes

_HEADER_BYTES: Final = 8

_NOTHING: Final = bytes(256)
_LINES: Final = {layouts.GROUP3: b"\x00\x01\x35\xa5" * 64}
_RUNS: Final = b"\xa5" * 256
"""What may follow fax data: nothing, or runs of pixels, in Group 3 with ends of lines."""

_COPIES: Final = 4
"""Copies of the file: with other tags, for fax with other data."""

_TAG_BYTES: Final = 200
"""Memory per number in a tag: of a strip or tile the position and size, here and in Pillow."""

_WINDOWED: Final = (34925, 50000)
"""LZMA and Zstandard, which keep what they have decompressed."""

_BYTE_MODES: Final = {1: "L", 3: "RGB", 4: "CMYK"}
"""Pillow's mode by number of bytes per pixel."""

_UNCHANGED: Final = {1: layouts.BLACK_IS_ZERO, 3: layouts.RGB, 4: layouts.CMYK}
"""By number of bytes per pixel: the photometric interpretation for which Pillow leaves them as they are."""


# libtiff prints a line for each damaged row, 400 MB for a file of 20 MB. Where it is linked statically, it has no name.
with suppress(AttributeError, OSError):
    ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def open_tiff(data: bytes) -> StoredPicture:
    """The first picture.

    :raises CorruptImage, UnsupportedImage: by its directory.
    :raises TooManyPixels: the samples need too much memory.
    """
    tags = read_directory(data)
    layout = TiffLayout.of(tags, "<" if data[:2] == b"II" else ">")
    orientation = tags.pop(tag.ORIENTATION, (1,))[0]
    coded = TiffParts.of(len(data), tags, tiled=layout.tiled).total if layout.codec in layouts.FAX else 0
    return StoredPicture(
        (layout.width, layout.height),
        orientation if 1 <= orientation <= 8 else 1,
        _COPIES * max(len(data), coded)
        + _TAG_BYTES * sum(map(len, tags.values()))
        + _decoded_bytes(data, tags, layout),
        lambda: LoadedPicture(_decoded(data, tags, layout)),
    )


def _decoded_bytes(data: bytes, tags: Tags, layout: TiffLayout) -> int:
    size = (layout.width, layout.height)
    if layout.codec in (layouts.JPEG, layouts.WEBP):
        return blocks_bytes(data, tags, layout)
    if layout.codec in layouts.FAX:
        return 2 * image_bytes("1", size) + image_bytes("L", size) + size[0] * size[1] // 2
    columns, rows = layout.byte_size(layout.padded)
    planes = layout.planes * image_bytes(_BYTE_MODES[layout.bytes_per_pixel], (columns, rows))
    across, down = layout.byte_size(layout.block)
    block = (2 if layout.codec in _WINDOWED else 1) * across * down * layout.bytes_per_pixel
    if layout.is_plain and layout.padded == size:
        return planes + block
    mode = "L" if layout.colour in (layouts.WHITE_IS_ZERO, layouts.BLACK_IS_ZERO) else "RGB"
    mode = mode if layout.alpha is None else "RGBA"
    samples = samples_bytes(layout)
    image = image_bytes(mode, size) if mode == "RGB" else 0  # the others share the memory of the array
    return max(planes + max(block, samples), samples + image + conversion_bytes(mode, size))


def _decoded(data: bytes, tags: Tags, layout: TiffLayout) -> Image.Image:
    if layout.codec in (layouts.JPEG, layouts.WEBP):
        return decode_blocks(data, tags, layout)
    if layout.codec in layouts.FAX:
        return _fax(data, tags, layout)
    planes = [_loaded(write_tiff(data, _byte_tags(tags, layout, plane))) for plane in range(layout.planes)]
    if layout.is_plain and planes[0].size == (layout.width, layout.height):
        return planes[0]
    return picture_of(planes, layout, tags.get(tag.COLOR_MAP, ()))


def _fax(data: bytes, tags: Tags, layout: TiffLayout) -> Image.Image:
    """The picture, if it does not depend on what follows the data: libtiff only warns of missing rows.

    :raises CorruptImage: it does.
    """
    parts = TiffParts.of(len(data), tags, tiled=layout.tiled)
    pictures = []
    for following in (_NOTHING, _LINES.get(layout.codec, _RUNS)):
        blocks = [data[place] + following for place in parts.places]
        starts = tuple(accumulate(map(len, blocks[:-1]), initial=_HEADER_BYTES))
        moved = {parts.names[0]: starts, parts.names[1]: tuple(map(len, blocks))}
        pictures.append(_loaded(write_tiff(bytes(_HEADER_BYTES) + b"".join(blocks), tags | moved)))
    if pictures[0].tobytes() != pictures[1].tobytes():
        raise damaged("TIFF", "a part of the picture is missing")
    return pictures[0]


def _loaded(file: bytes) -> Image.Image:
    source = BoundedFile(file)
    image = TiffImagePlugin.TiffImageFile(source)
    if image.width * image.height > MAX_IMAGE_PIXELS:
        image.im = Image.new(
            image.mode, image.size
        ).im  # otherwise Pillow takes bytes for pixels and limits their number
    image.load()
    source.close()  # otherwise each plane keeps its copy of the file
    return image


def _byte_tags(tags: Tags, layout: TiffLayout, plane: int) -> Tags:
    """The directory of a picture whose pixels are the bytes of the samples of a plane."""
    width, height = layout.byte_size(layout.padded)
    block_width, block_height = layout.byte_size(layout.block)
    samples = layout.bytes_per_pixel
    number = math.prod(layout.blocks)
    part = slice(number * plane, number * (plane + 1))
    new = {
        tag.WIDTH: (width,),
        tag.LENGTH: (height,),
        tag.BITS: (8,) * samples,
        tag.SAMPLES: (samples,),
        tag.PHOTOMETRIC: (_UNCHANGED[samples],),
        tag.COMPRESSION: (layout.codec,),
    }
    if layout.predictor_is_decoded:
        new[tag.PREDICTOR] = (layout.predictor,)
    if layout.reversed_bits and layout.codec != layouts.RAW:
        new[tag.FILL_ORDER] = (2,)
    if layout.tiled:
        new |= {tag.TILE_WIDTH: (block_width,), tag.TILE_LENGTH: (block_height,)}
    else:
        new[tag.ROWS_PER_STRIP] = (block_height,)
    for name in (tag.TILE_OFFSETS, tag.TILE_BYTES) if layout.tiled else (tag.STRIP_OFFSETS, tag.STRIP_BYTES):
        if name in tags:
            new[name] = tags[name][part]
    return new
