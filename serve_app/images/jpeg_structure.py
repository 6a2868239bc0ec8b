"""JPEGs that are small in bytes and pixels and would still keep a decoder busy.

A scan is a pass over all pixels and may take no more than 31 bytes. EXIF in many segments makes Pillow build an object
of every number in it.
"""

import re
from typing import Final

import numpy as np

from serve_app.errors import CorruptImage

MAX_SCANS: Final = 100
"""Encoders write about 10; libtiff has the same limit. Without one, 20 MiB keep a decoder busy for hours."""

MAX_EXIF_SEGMENTS: Final = 16
"""The standard allows one; embedded previews bring their own."""

_SMALL: Final = 32 * 1024
"""Bytes of a file that is looked through in no time."""

_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_MARKER: Final = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
"""The markers with a length behind them, and the end of the image: no stuffing, padding, restart or start."""


def check_jpeg(data: bytes) -> None:
    """Refuse a JPEG with more than ``MAX_SCANS`` scans or ``MAX_EXIF_SEGMENTS`` EXIF segments.

    :raises CorruptImage: it has.
    """
    if _words(b"\xff\xda", data) > MAX_SCANS and _has_more_scans_than(MAX_SCANS, data):
        raise CorruptImage(f"The JPEG has more than {MAX_SCANS} scans. Saved anew it may work.")
    if _words(b"Exif", data) > MAX_EXIF_SEGMENTS and data.count(b"Exif\0\0") > MAX_EXIF_SEGMENTS:
        raise CorruptImage(f"The JPEG has more than {MAX_EXIF_SEGMENTS} EXIF segments. Saved anew it may work.")


def _words(word: bytes, data: bytes) -> int:
    """How often a word of 2 or 4 bytes occurs, anywhere. ``bytes.count`` takes eight times as long, under the lock."""
    if len(data) < _SMALL:
        return data.count(word)
    size, wanted = len(word), int.from_bytes(word, "little")
    aligned = (np.frombuffer(data, f"<u{size}", (len(data) - shift) // size, shift) for shift in range(size))
    return sum(int(np.count_nonzero(words == wanted)) for words in aligned)


def _has_more_scans_than(limit: int, data: bytes) -> bool:
    """Walk the segments: the same two bytes also occur by chance in metadata and behind the image."""
    scans, at = 0, 2
    while (marker := _MARKER.search(data, at)) and marker[1][0] != _END_OF_IMAGE:
        scans += marker[1][0] == _START_OF_SCAN
        if scans > limit:
            return True
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    return False
