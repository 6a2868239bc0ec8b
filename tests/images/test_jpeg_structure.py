"""Scans and EXIF segments are counted wherever in the file they begin."""

import pytest

from serve_app.errors import CorruptImage
from serve_app.images.jpeg_structure import MAX_EXIF_SEGMENTS, MAX_SCANS, check_jpeg

START = b"\xff\xd8"


def scans(count: int, entropy: bytes) -> bytes:
    return START + count * (b"\xff\xda\0\x02" + entropy)


def exif(count: int, body: bytes) -> bytes:
    return START + count * (b"\xff\xe1" + (8 + len(body)).to_bytes(2, "big") + b"Exif\0\0" + body)


@pytest.mark.parametrize("entropy", [b"", b"\1", b"\1\2", b"\1\2\3"])
@pytest.mark.parametrize("lead", [b"", b"\xff"])
def test_too_many_scans_are_found_at_every_alignment(entropy: bytes, lead: bytes):
    check_jpeg(START + lead + scans(MAX_SCANS, entropy)[2:])
    with pytest.raises(CorruptImage, match="scans"):
        check_jpeg(START + lead + scans(MAX_SCANS + 1, entropy)[2:])


@pytest.mark.parametrize("body", [b"", b"\1", b"\1\2", b"\1\2\3"])
@pytest.mark.parametrize("lead", [b"", b"\xff"])
def test_too_many_exif_segments_are_found_at_every_alignment(body: bytes, lead: bytes):
    check_jpeg(START + lead + exif(MAX_EXIF_SEGMENTS, body)[2:])
    with pytest.raises(CorruptImage, match="EXIF"):
        check_jpeg(START + lead + exif(MAX_EXIF_SEGMENTS + 1, body)[2:])


def test_the_word_alone_is_no_exif_segment():
    check_jpeg(START + b"Exif" * 1000)


@pytest.mark.parametrize("size", range(5))
def test_files_shorter_than_a_word(size: int):
    check_jpeg(b"\xff\xd8\xff\xda\xff"[:size])
