"""Limits on EXIF, a TIFF directory: Pillow creates an object for each number in it."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from serve_app.errors import CorruptImage

MAX_VALUES: Final = 200_000
"""Numbers per tag."""

MAX_ENTRIES: Final = 65_535
"""Tags checked per directory."""

MAX_DIRECTORIES: Final = 10
"""Directories checked."""

_BYTE_TYPES: Final = frozenset((1, 2, 6, 7))
"""BYTE, ASCII, SBYTE and UNDEFINED; Pillow keeps these as bytes."""

_SUBDIRECTORIES: Final = frozenset((0x8769, 0x8825, 0xA005))
"""EXIF, GPS and interoperability."""


class _Tag(NamedTuple):
    tag: int
    type: int
    values: int


class _Layout(NamedTuple):
    """The binary layout of a directory: number of entries, entry (tag, type, count, value), offset."""

    number: struct.Struct
    entry: struct.Struct
    offset: struct.Struct

    @classmethod
    def of(cls, data: memoryview) -> "_Layout":
        order = "<" if bytes(data[:2]) == b"II" else ">"
        codes = ("Q", "HHQQ", "Q") if 43 in data[2:4] else ("H", "HHII", "I")
        return cls(*(struct.Struct(order + code) for code in codes))


def check_exif(data: bytes) -> None:
    """Check the first directory and its subdirectories.

    :raises CorruptImage: a tag has more than ``MAX_VALUES`` values.
    """
    if any(tag.values > MAX_VALUES and tag.type not in _BYTE_TYPES for tag in _tags(memoryview(data))):
        raise CorruptImage(f"A tag has more than {MAX_VALUES:,} values. Saving the image again may help.")


def _tags(data: memoryview) -> Iterator[_Tag]:
    """The tags of the directories inside the file. Pillow does not read beyond its end either."""
    try:
        yield from _walk(data)
    except struct.error:
        return


def _walk(data: memoryview) -> Iterator[_Tag]:
    layout = _Layout.of(data)
    pending = [layout.offset.unpack_from(data, 8 if layout.offset.size == 8 else 4)[0]]
    for _ in range(MAX_DIRECTORIES):
        if not pending:
            return
        at = pending.pop()
        if at >= len(data):
            continue
        (number,) = layout.number.unpack_from(data, at)
        at += layout.number.size
        for entry in range(min(number, MAX_ENTRIES)):
            tag, tag_type, count, value = layout.entry.unpack_from(data, at + entry * layout.entry.size)
            if count <= len(data):
                yield _Tag(tag, tag_type, count)
            if tag in _SUBDIRECTORIES:
                # In a big-endian BigTIFF, a 4-byte pointer is in the upper half of the field.
                pending += [value, value >> 32]
