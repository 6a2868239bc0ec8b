"""Reads and writes the boxes of ISO media files (ISO/IEC 14496-12), of which AVIF is one."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from serve_app.images.stored_picture import damaged

MAX_DIRECTORY_PARTS: Final = 20_000
"""Boxes and entries of lists in a file. A picture of 64 megapixels in tiles of 512 × 512 pixels has some 3,000."""

_FULL_BYTES: Final = 4
"""Version and flags."""


class MediaBox(NamedTuple):
    name: bytes
    body: memoryview


class BoxFields:
    """Reads big-endian numbers one after the other.

    :raises CorruptImage: they end too early.
    """

    def __init__(self, body: memoryview) -> None:
        self._body = body
        self._at = 0

    @classmethod
    def of_full(cls, body: memoryview) -> tuple["BoxFields", int, int]:
        """The fields of a box with version and flags, which are the second and third value."""
        fields = cls(body)
        return fields, fields.number(1), fields.number(3)

    @property
    def more(self) -> bool:
        return self._at < len(self._body)

    def number(self, size: int) -> int:
        return int.from_bytes(self.bytes(size), "big")

    def bytes(self, size: int) -> bytes:
        found = bytes(self._body[self._at : self._at + size])
        if len(found) < size:
            raise damaged("AVIF", "its directory is incomplete")
        self._at += size
        return found

    def rest(self) -> memoryview:
        return self._body[self._at :]


class BoxReader:
    """Reads the boxes of one file. All boxes and entries count: 20 MiB have room for millions of empty ones."""

    def __init__(self) -> None:
        self._left = MAX_DIRECTORY_PARTS

    def boxes(self, data: memoryview) -> Iterator[MediaBox]:
        """The boxes in ``data``, the last of which may be cut.

        :raises CorruptImage: the file has more than ``MAX_DIRECTORY_PARTS``, or one has an impossible size.
        """
        at = 0
        while at + 8 <= len(data):
            self.count(1)
            size, start = int.from_bytes(data[at : at + 4], "big"), at + 8
            if size == 1:
                size, start = int.from_bytes(data[start : start + 8], "big"), start + 8
            end = len(data) if size == 0 else at + size
            if end < start:
                raise damaged("AVIF", "a part of it has an impossible size")
            yield MediaBox(bytes(data[at + 4 : at + 8]), data[start:end])
            at = end

    def count(self, entries: int) -> int:
        """The number of entries that are read next.

        :raises CorruptImage: the file has more than ``MAX_DIRECTORY_PARTS``.
        """
        self._left -= entries
        if self._left < 0:
            raise damaged("AVIF", f"it has more than {MAX_DIRECTORY_PARTS:,} parts")
        return entries


def write_box(name: bytes, *parts: bytes | memoryview) -> bytes:
    return b"".join(((8 + sum(map(len, parts))).to_bytes(4, "big"), name, *parts))


def write_full_box(name: bytes, *parts: bytes | memoryview, version: int = 0) -> bytes:
    return write_box(name, bytes((version, 0, 0, 0)), *parts)
