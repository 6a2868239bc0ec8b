"""Scans and EXIF segments are counted at every alignment."""

import pytest

from serve_app.errors import CorruptImage
from serve_app.images.jpeg_structure import MAX_EXIF_SEGMENTS, MAX_SCANS, check_jpeg

START = b"\xff\xd8"
REST = (b"", bytes(100_000))
"""Padding, because small files are searched differently."""


def scans(count: int, entropy: bytes) -> bytes:
    return count * (b"\xff\xda\0\x02" + entropy)


def exif(count: int, body: bytes) -> bytes:
    return count * (b"\xff\xe1" + (8 + len(body)).to_bytes(2, "big") + b"Exif\0\0" + body)


@pytest.mark.parametrize("entropy", [b"", b"\1", b"\1\2", b"\1\2\3"])
@pytest.mark.parametrize("lead", [b"", b"\xff"])
@pytest.mark.parametrize("rest", REST, ids=len)
def test_too_many_scans_are_detected_at_every_alignment(entropy: bytes, lead: bytes, rest: bytes):
    check_jpeg(START + lead + scans(MAX_SCANS, entropy) + rest)
    with pytest.raises(CorruptImage, match="scans"):
        check_jpeg(START + lead + scans(MAX_SCANS + 1, entropy) + rest)


@pytest.mark.parametrize("body", [b"", b"\1", b"\1\2", b"\1\2\3"])
@pytest.mark.parametrize("lead", [b"", b"\xff"])
@pytest.mark.parametrize("rest", REST, ids=len)
def test_too_many_exif_segments_are_detected_at_every_alignment(body: bytes, lead: bytes, rest: bytes):
    check_jpeg(START + lead + exif(MAX_EXIF_SEGMENTS, body) + rest)
    with pytest.raises(CorruptImage, match="EXIF"):
        check_jpeg(START + lead + exif(MAX_EXIF_SEGMENTS + 1, body) + rest)


def test_the_word_exif_alone_is_not_a_segment():
    check_jpeg(START + b"Exif" * 20_000)


@pytest.mark.parametrize("size", range(5))
def test_files_shorter_than_a_word_have_no_match(size: int):
    check_jpeg(b"\xff\xd8\xff\xda\xff"[:size])
