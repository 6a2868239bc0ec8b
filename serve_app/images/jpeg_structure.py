"""Limits on JPEGs that are small in bytes and pixels but expensive to decode.

A scan is a pass over all pixels and can be as short as 31 bytes. For EXIF in many segments, Pillow creates an object
for every number in it.
"""

import re
from typing import Final

import numpy as np

from serve_app.errors import CorruptImage

MAX_SCANS: Final = 100
"""Encoders write about 10, and libtiff has the same limit. Without it, 20 MiB take hours to decode."""

MAX_EXIF_SEGMENTS: Final = 16
"""The standard allows one; embedded previews have their own."""

_SMALL: Final = 32 * 1024
"""Bytes up to which ``bytes.count`` is fast enough."""

_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_MARKER: Final = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
"""Markers followed by a length, and the end of the image; no stuffing, padding, restart or start markers."""


def check_jpeg(data: bytes) -> None:
    """Check the number of scans and EXIF segments.

    :raises CorruptImage: more than ``MAX_SCANS`` scans or ``MAX_EXIF_SEGMENTS`` EXIF segments.
    """
    if _count_word(b"\xff\xda", data) > MAX_SCANS and _has_more_scans_than(MAX_SCANS, data):
        raise CorruptImage(f"The JPEG has more than {MAX_SCANS} scans. Saving it again may help.")
    if _count_word(b"Exif", data) > MAX_EXIF_SEGMENTS and data.count(b"Exif\0\0") > MAX_EXIF_SEGMENTS:
        raise CorruptImage(f"The JPEG has more than {MAX_EXIF_SEGMENTS} EXIF segments. Saving it again may help.")


def _count_word(word: bytes, data: bytes) -> int:
    """Count a word of 2 or 4 bytes at any alignment. ``bytes.count`` takes eight times as long and holds the GIL."""
    if len(data) < _SMALL:
        return data.count(word)
    size, wanted = len(word), int.from_bytes(word, "little")
    aligned = (np.frombuffer(data, f"<u{size}", (len(data) - shift) // size, shift) for shift in range(size))
    return sum(int(np.count_nonzero(words == wanted)) for words in aligned)


def _has_more_scans_than(limit: int, data: bytes) -> bool:
    """Walk the segments, because the two bytes also occur in metadata and after the image."""
    scans, at = 0, 2
    while (marker := _MARKER.search(data, at)) and marker[1][0] != _END_OF_IMAGE:
        scans += marker[1][0] == _START_OF_SCAN
        if scans > limit:
            return True
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    return False
