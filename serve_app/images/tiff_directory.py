"""Reads the first directory of a TIFF, and writes it anew with the tags that the pixels need.

So TIFF and BigTIFF of both byte orders look the same to the decoder, and it never sees other tags and directories.
"""

import struct
from typing import Any, Final, Literal

import numpy as np

from serve_app.images.stored_picture import damaged

MAX_TAG_VALUES: Final = 200_000
"""Numbers per tag. 64 megapixels in strips of one row, or in tiles of 16 × 16 pixels, come close to it."""

MAX_TAGS: Final = 4_096
"""Tags per directory; there are some hundred known ones."""

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR = 273, 274, 277, 278, 279, 284
T4_OPTIONS, T6_OPTIONS, PREDICTOR, COLOR_MAP, TILE_WIDTH, TILE_LENGTH = 292, 293, 317, 320, 322, 323
TILE_OFFSETS, TILE_BYTES, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES = 324, 325, 332, 338, 339, 347
COEFFICIENTS, SUBSAMPLING, REFERENCE_WHITE = 529, 530, 532

_KNOWN: Final = frozenset(
    (
        *(WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIP_OFFSETS, ORIENTATION, SAMPLES),
        *(ROWS_PER_STRIP, STRIP_BYTES, PLANAR, T4_OPTIONS, T6_OPTIONS, PREDICTOR, COLOR_MAP, TILE_WIDTH, TILE_LENGTH),
        *(TILE_OFFSETS, TILE_BYTES, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES),
        *(COEFFICIENTS, SUBSAMPLING, REFERENCE_WHITE),
    )
)

_UNSIGNED: Final = {1: "u1", 3: "u2", 4: "u4", 7: "u1", 13: "u4", 16: "u8", 18: "u8"}
_SIGNED: Final = {6: "i1", 8: "i2", 9: "i4", 17: "i8"}
_TYPES: Final = _UNSIGNED | _SIGNED | {5: "(2,)u4"}
"""NumPy types of the numeric types; a rational is two numbers."""

_LISTS: Final = frozenset((STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES, COLOR_MAP, JPEG_TABLES))
_FEW: Final = 64
"""Numbers that are read of other tags: at most one per sample is needed."""

_LONG: Final = 4

Tags = dict[int, tuple[int, ...]]


def read_directory(data: bytes, names: frozenset[int] = _KNOWN) -> Tags:
    """The numbers of these tags of the first directory; by default of all that the pixels need.

    :raises CorruptImage: it is damaged, or a tag has too many numbers.
    """
    order: Literal["<", ">"] = "<" if data[:2] == b"II" else ">"
    big = 43 in data[2:4]
    codes = ("Q", "HHQ8s", "Q") if big else ("H", "HHI4s", "I")
    number, entry, pointer = (struct.Struct(order + code) for code in codes)
    try:
        (at,) = pointer.unpack_from(data, 8 if big else 4)
        (entries,) = number.unpack_from(data, at)
        if entries > MAX_TAGS:
            raise damaged("TIFF", f"its directory has more than {MAX_TAGS:,} tags")
        tags: Tags = {}
        for index in range(entries):
            tag, kind, count, field = entry.unpack_from(data, at + number.size + index * entry.size)
            if tag in names and kind in _TYPES and tag not in tags:
                dtype = np.dtype(_TYPES[kind]).newbyteorder(order)
                tags[tag] = _values(data, dtype, count, field, pointer, most=count if tag in _LISTS else _FEW)
    except struct.error as error:
        raise damaged("TIFF", "its directory is incomplete") from error
    return tags


def _values(
    data: bytes, dtype: np.dtype[Any], count: int, field: bytes, pointer: struct.Struct, *, most: int
) -> tuple[int, ...]:
    if count > MAX_TAG_VALUES:
        raise damaged("TIFF", f"a tag has more than {MAX_TAG_VALUES:,} values")
    size = dtype.itemsize * count
    start = 0 if size <= len(field) else pointer.unpack(field)[0]
    source = field if size <= len(field) else data
    if start + size > len(source):
        raise damaged("TIFF", "a tag points beyond its end")
    return tuple(np.frombuffer(source, dtype, min(count, most), start).ravel().tolist())


def write_tiff(data: bytes, tags: Tags) -> bytes:
    """A little-endian TIFF of the pixels in ``data`` with these tags only; offsets stay the same."""
    values, entries = b"", b""
    start = len(data) + 2 + 12 * len(tags) + 4
    for tag, numbers in sorted(tags.items()):
        kind, code = (7, "B") if tag == JPEG_TABLES else (_LONG, "I")
        body = struct.pack(f"<{len(numbers)}{code}", *numbers)
        field = body.ljust(4, b"\0") if len(body) <= 4 else struct.pack("<I", start + len(values))
        values += body if len(body) > 4 else b""
        entries += struct.pack("<HHI", tag, kind, len(numbers)) + field
    head = b"II*\0" + struct.pack("<I", len(data))
    return b"".join((head, data[len(head) :], struct.pack("<H", len(tags)), entries, bytes(4), values))
