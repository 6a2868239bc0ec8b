"""Estimates what it costs to classify an image, from its header alone and before anything is decoded.

The unit is the cost of a small image: preprocessing, its part of a model call and its record, about 10 ms of one core.
A photo of 12 megapixels costs about 5, a WebP of that size 40. The factors are upper bounds measured with photos, noise
and plain pictures (``tests/images/test_cost.py``); the estimate only has to tell ordinary from expensive images and to
share the time between clients. What is not understood counts as expensive; the decoder decides whether it is valid.
"""

import math
import re
import struct
from collections.abc import Callable
from itertools import islice
from typing import Final

import numpy as np

from serve_app.errors import RaylensError
from serve_app.images import tiff_directory as tiff
from serve_app.images.formats import ImageFormat, sniff
from serve_app.images.gif import first_frame
from serve_app.images.limits import MAX_IMAGE_PIXELS, MAX_SCAN_PIXELS
from serve_app.images.tiff_blocks import MAX_BLOCKS
from serve_app.images.tiff_directory import read_directory
from serve_app.images.tiff_layout import JPEG, MAX_SAMPLES, WEBP

UNKNOWN: Final = 50.0
"""The cost of a file whose header is not understood here, though it may be by the decoder."""

_MEGA: Final = 1e6
_MIB: Final = 2**20

_JPEG_PER_MIB: Final = 1.0
_JPEG_PER_MEGAPIXEL: Final = 0.03
_JPEG_PER_REDUCED_MEGAPIXEL: Final = 0.6
_JPEG_FULL_SIDE: Final = 1400
"""Of JPEGs whose sides are several times as long, only the reduced picture is made; see ``decoding``."""
_JPEG_PER_SCAN_MEGAPIXEL: Final = 0.06
_USUAL_SCANS: Final = 10
_PNG_PER_MB, _PNG_PER_MIB = 0.35, 0.5
"""Per megabyte of pixels, as for TIFF, and per MiB of the file."""
_INTERLACED: Final = 2.5
_GIF_PER_MEGAPIXEL: Final = 0.8
_WEBP_PER_MEGAPIXEL, _WEBP_PER_MIB = 2.7, 2.0
_BMP_PER_MEGAPIXEL, _BMP_PER_MASKED_MEGAPIXEL, _BMP_PER_MIB_OF_RUNS = 0.7, 2.5, 25.0
_TIFF_PER_MB: Final = 0.6
_TIFF_PER_PICTURE: Final = 0.013
"""Of the JPEGs or WebPs in a TIFF, one per tile or strip, of which most work is in Python."""
_AVIF_PER_MEGAPIXEL, _AVIF_PER_MIB = 2.0, 4.0

_MAX_PARTS: Final = 512
"""Segments, blocks or tags that are looked through."""

_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE, _SOS = 0xC2, 0xDA
_BARE: Final = frozenset((0x00, 0x01, *range(0xD0, 0xDA), 0xFF))
"""Bytes after 0xFF without a segment that belongs to them."""
_SCAN: Final = int.from_bytes(b"\xff\xda", "little")
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2}
_OLD_BMP_HEADER: Final = 12
_BMP_RUNS, _BMP_MASKS = (1, 2), (3, 6)
_TIFF_TAGS: Final = frozenset(
    (
        *(tiff.WIDTH, tiff.LENGTH, tiff.BITS, tiff.COMPRESSION, tiff.SAMPLES),
        *(tiff.ROWS_PER_STRIP, tiff.TILE_WIDTH, tiff.TILE_LENGTH),
    )
)
_AVIF_HEAD: Final = 2**21
"""A larger file is expensive anyway."""
_AVIF_ITEM: Final = re.compile(rb"ispe.{4}(.{4})(.{4})", re.DOTALL)
_AVIF_TRACK: Final = re.compile(rb"tkhd(?:\0.{75}|[^\0].{87})(..)..(..)..", re.DOTALL)
"""Where sizes are: of items, and of the tracks of a sequence before the point."""


def cost_of(data: bytes) -> float:
    """The cost of an encoded image of any allowed format; 1 for what is not an image, which fails quickly."""
    file_format = sniff(data)
    if file_format is None:
        return 1.0
    try:
        return 1.0 + _ESTIMATES[file_format](data)
    except (struct.error, IndexError, RaylensError):  # the header is cut or damaged
        return UNKNOWN


def _jpeg(data: bytes) -> float:
    at, frame, marker = 2, (0, 0, 0), 0
    for _ in range(_MAX_PARTS):
        prefix, kind, length = struct.unpack_from(">BBH", data, at)
        if prefix != 0xFF or kind in _BARE or length < 2:
            break
        if kind in _FRAMES:
            frame, marker = struct.unpack_from(">HHB", data, at + 5), kind
        elif kind == _SOS and marker:
            several = marker == _PROGRESSIVE or data[at + 4] < frame[2]
            return _jpeg_of(data, frame[1], frame[0], several)
        at += 2 + length
    return UNKNOWN


def _jpeg_of(data: bytes, width: int, height: int, several: bool) -> float:
    """``several``: whether the picture has several scans, each of which costs something for each pixel."""
    pixels = width * height
    reduction: int = next((by for by in (8, 4, 2) if min(width, height) >= by * _JPEG_FULL_SIDE), 1)
    per_pixel = _JPEG_PER_MEGAPIXEL + _JPEG_PER_REDUCED_MEGAPIXEL / reduction**2
    cost = len(data) / _MIB * _JPEG_PER_MIB + pixels / _MEGA * per_pixel
    if several:
        # Even a hundred scans of a small picture cost little.
        scans = _scans(data) if pixels > _MEGA else _USUAL_SCANS
        cost += min(pixels * scans, MAX_SCAN_PIXELS) / _MEGA * _JPEG_PER_SCAN_MEGAPIXEL
    return cost


def _scans(data: bytes) -> int:
    """The headers of scans, also of those in metadata. By pairs of bytes, which takes 0.1 ms per MiB."""
    pairs = (np.frombuffer(data, "<u2", (len(data) - start) // 2, start) for start in (0, 1))
    return sum(int(np.count_nonzero(values == _SCAN)) for values in pairs)


def _png(data: bytes) -> float:
    name, width, height, bits, colour, _, _, interlaced = struct.unpack_from(">4sIIBBBBB", data, 12)
    if name != b"IHDR":
        return UNKNOWN
    size = min(width * height, MAX_IMAGE_PIXELS) * _CHANNELS.get(colour, 4) * max(bits, 8) / 8
    passes = _INTERLACED if interlaced else 1
    return float(size / _MEGA * _PNG_PER_MB + len(data) / _MIB * _PNG_PER_MIB) * passes


def _gif(data: bytes) -> float:
    left, top, width, height = struct.unpack_from("<4H", data, first_frame(data, _MAX_PARTS).at + 1)
    screen = struct.unpack_from("<HH", data, 6)
    return _by_pixels(max(screen[0], left + width), max(screen[1], top + height), _GIF_PER_MEGAPIXEL)


def _webp(data: bytes) -> float:
    name = data[12:16]
    if name == b"VP8X":
        width, height = (1 + int.from_bytes(data[start : start + 3], "little") for start in (24, 27))
    elif name == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    elif name == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        return UNKNOWN
    return _by_pixels(width, height, _WEBP_PER_MEGAPIXEL) + len(data) / _MIB * _WEBP_PER_MIB


def _bmp(data: bytes) -> float:
    (header,) = struct.unpack_from("<I", data, 14)
    if header == _OLD_BMP_HEADER:
        width, height, _, bits = struct.unpack_from("<4H", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    runs = len(data) / _MIB * _BMP_PER_MIB_OF_RUNS if compression in _BMP_RUNS else 0
    is_masked = bits == 16 or compression in _BMP_MASKS
    factor = _BMP_PER_MASKED_MEGAPIXEL if is_masked else _BMP_PER_MEGAPIXEL
    return runs + _by_pixels(abs(width), abs(height), factor)


def _tiff(data: bytes) -> float:
    # Read as by the decoder: of two equal tags it might take the other one.
    tags = {name: max(values[0], 1) for name, values in read_directory(data, _TIFF_TAGS).items() if values}
    width, height = tags.get(tiff.WIDTH), tags.get(tiff.LENGTH)
    if not width or not height:
        return UNKNOWN
    sample_bytes = min(tags.get(tiff.SAMPLES, 1), MAX_SAMPLES) * min(max(tags.get(tiff.BITS, 1), 8), 64) / 8
    tile = tags.get(tiff.TILE_WIDTH, width), tags.get(tiff.TILE_LENGTH, height)
    pixels = min(max(width * height, tile[0] * tile[1]), MAX_IMAGE_PIXELS)
    cost = pixels * sample_bytes / _MEGA * _TIFF_PER_MB + len(data) / _MIB
    if tags.get(tiff.COMPRESSION) in (JPEG, WEBP):
        strips = math.ceil(height / tags.get(tiff.ROWS_PER_STRIP, height))
        tiles = math.ceil(width / tile[0]) * math.ceil(height / tile[1])
        cost += min(max(strips, tiles), MAX_BLOCKS) * _TIFF_PER_PICTURE
    return cost


def _avif(data: bytes) -> float:
    # Two searches, because one for either name looks at each byte.
    found = (match for pattern in (_AVIF_ITEM, _AVIF_TRACK) for match in pattern.finditer(data, 0, _AVIF_HEAD))
    areas = [math.prod(int.from_bytes(side) for side in match.groups()) for match in islice(found, _MAX_PARTS + 1)]
    pixels = max(areas, default=0)
    if not pixels or len(areas) > _MAX_PARTS:
        return UNKNOWN
    return _by_pixels(pixels, 1, _AVIF_PER_MEGAPIXEL) + len(data) / _MIB * _AVIF_PER_MIB


def _by_pixels(width: int, height: int, factor: float) -> float:
    return min(width * height, MAX_IMAGE_PIXELS) / _MEGA * factor


_ESTIMATES: Final[dict[ImageFormat, Callable[[bytes], float]]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "GIF": _gif,
    "WEBP": _webp,
    "BMP": _bmp,
    "TIFF": _tiff,
    "AVIF": _avif,
}
