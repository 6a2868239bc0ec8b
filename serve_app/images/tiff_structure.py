"""TIFF directories out of all proportion: Pillow turns each number in them into an object, each strip into a read.

EXIF is a TIFF directory too, whichever format carries it.
"""

import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from serve_app.errors import CorruptImage

MAX_VALUES: Final = 200_000
"""Numbers in one tag. 64 megapixels in strips of one row, or in tiles of 16 × 16 pixels, are about at it."""

MAX_ENTRIES: Final = 65_535
"""Tags looked at in one directory."""

MAX_DIRECTORIES: Final = 10
"""Directories looked at."""

MAX_BLOCKS: Final = 16
"""Things in an AVIF that look like the beginning of EXIF."""

_ORIENTATION: Final = 0x0112

_HEADER: Final = re.compile(rb"II\*\0|MM\0\*|II\+\0|MM\0\+")

_BYTE_TYPES: Final = frozenset((1, 2, 6, 7))
"""BYTE, ASCII, SBYTE and UNDEFINED stay bytes."""

_SUBDIRECTORIES: Final = frozenset((0x8769, 0x8825, 0xA005))
"""EXIF, GPS and interoperability."""


class _Tag(NamedTuple):
    tag: int
    type: int
    values: int


class _Layout(NamedTuple):
    """How a directory is written: number of entries, one entry (tag, type, count, value), one offset."""

    number: struct.Struct
    entry: struct.Struct
    offset: struct.Struct

    @classmethod
    def of(cls, data: memoryview) -> "_Layout":
        order = "<" if bytes(data[:2]) == b"II" else ">"
        codes = ("Q", "HHQQ", "Q") if 43 in data[2:4] else ("H", "HHII", "I")
        return cls(*(struct.Struct(order + code) for code in codes))


def check_tiff(data: bytes) -> None:
    """Refuse a TIFF, or EXIF, with too much in its first directory or in the ones below it.

    :raises CorruptImage: it has.
    """
    if any(tag.values > MAX_VALUES and tag.type not in _BYTE_TYPES for tag in _tags(memoryview(data))):
        raise CorruptImage(f"A tag has more than {MAX_VALUES:,} values. Saved anew the image may work.")


def check_avif(data: bytes) -> None:
    """Refuse an AVIF whose EXIF gives the orientation, which Pillow reads on opening, too many values.

    Where the EXIF stands, only a decoder can say, so this looks at all that could be it.

    :raises CorruptImage: it does.
    """
    for number, header in enumerate(_HEADER.finditer(data)):
        tags = _tags(memoryview(data)[header.start() :])
        if number >= MAX_BLOCKS or any(tag.tag == _ORIENTATION and tag.values > MAX_VALUES for tag in tags):
            raise CorruptImage("The EXIF of the AVIF is damaged. Saved anew the image may work.")


def _tags(data: memoryview) -> Iterator[_Tag]:
    """What the directories hold, as far as they lie inside the file: beyond it Pillow reads nothing either."""
    try:
        yield from _walk(data)
    except struct.error:
        return


def _walk(data: memoryview) -> Iterator[_Tag]:
    layout = _Layout.of(data)
    ahead = [layout.offset.unpack_from(data, 8 if layout.offset.size == 8 else 4)[0]]
    for _ in range(MAX_DIRECTORIES):
        if not ahead:
            return
        at = ahead.pop()
        if at >= len(data):
            continue
        (number,) = layout.number.unpack_from(data, at)
        at += layout.number.size
        for entry in range(min(number, MAX_ENTRIES)):
            tag, tag_type, count, value = layout.entry.unpack_from(data, at + entry * layout.entry.size)
            if count <= len(data):
                yield _Tag(tag, tag_type, count)
            if tag in _SUBDIRECTORIES:
                # A 4-byte pointer of a big-endian BigTIFF stands in the upper half of the field.
                ahead += [value, value >> 32]
