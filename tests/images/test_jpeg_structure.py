"""Scans and EXIF segments are counted at every alignment."""

from itertools import product

import pytest

from serve_app.errors import CorruptImage
from serve_app.images.jpeg_structure import MAX_EXIF_SEGMENTS, MAX_SCANS, check_jpeg

STARTS = (b"\xff\xd8", b"\xff\xd8\xff")
BODIES = (b"", b"\1", b"\1\2", b"\1\2\3")
RESTS = (b"", bytes(100_000))
"""Padding, because small files are searched differently."""


def scans(count: int, body: bytes) -> bytes:
    return count * (b"\xff\xda\0\x02" + body)


def exif(count: int, body: bytes) -> bytes:
    return count * (b"\xff\xe1" + (8 + len(body)).to_bytes(2, "big") + b"Exif\0\0" + body)


@pytest.mark.parametrize("body", BODIES, ids=len)
def test_too_many_scans_are_detected_at_every_alignment(body: bytes):
    for start, rest in product(STARTS, RESTS):
        check_jpeg(start + scans(MAX_SCANS, body) + rest)
        with pytest.raises(CorruptImage, match="scans"):
            check_jpeg(start + scans(MAX_SCANS + 1, body) + rest)


@pytest.mark.parametrize("body", BODIES, ids=len)
def test_too_many_exif_segments_are_detected_at_every_alignment(body: bytes):
    for start, rest in product(STARTS, RESTS):
        check_jpeg(start + exif(MAX_EXIF_SEGMENTS, body) + rest)
        with pytest.raises(CorruptImage, match="EXIF"):
            check_jpeg(start + exif(MAX_EXIF_SEGMENTS + 1, body) + rest)


def test_the_word_exif_alone_is_not_a_segment():
    check_jpeg(STARTS[0] + b"Exif" * 20_000)


def test_files_shorter_than_a_word_have_no_match():
    for size in range(5):
        check_jpeg(b"\xff\xd8\xff\xda\xff"[:size])
