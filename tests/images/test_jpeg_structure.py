"""Segments and scans of JPEGs are counted and checked wherever they are."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from serve_app.errors import CorruptImage, ImageTooComplex, UnsupportedImage
from serve_app.images.decoding import decode, inspect
from serve_app.images.jpeg_structure import MAX_SCANS, MAX_SEGMENTS, JpegStructure, PartOfPicture
from serve_app.types import ImageInfo
from tests.images.pictures import encode, photo, square

BASELINE = encode(photo(200, 160), "JPEG", quality=92)
PROGRESSIVE = encode(photo(200, 160), "JPEG", quality=92, progressive=True)
RESTARTS = encode(photo(200, 160), "JPEG", quality=92, restart_marker_blocks=5)
KINDS = {
    "baseline": BASELINE,
    "progressive": PROGRESSIVE,
    "restarts": RESTARTS,
    "progressive restarts": encode(photo(200, 160), "JPEG", progressive=True, restart_marker_rows=1),
    "grey": encode(photo(200, 160).convert("L"), "JPEG"),
    "progressive grey": encode(photo(200, 160).convert("L"), "JPEG", progressive=True),
    "CMYK": encode(photo(200, 160).convert("CMYK"), "JPEG"),
    "full chroma": encode(photo(200, 160), "JPEG", subsampling=0, optimize=True),
}
END = b"\xff\xd9"


def pixels(data: bytes) -> np.ndarray:
    return decode(data, square(64))[1]


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def with_segment(whole: bytes, marker: int, body: bytes) -> bytes:
    return whole[:2] + segment(marker, body) + whole[2:]


def scan_starts(data: bytes) -> list[int]:
    return [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_end_marker_changes_nothing(kind: str):
    whole = KINDS[kind]
    for data in (whole[:-2], whole[:-2] + b"\xff", whole[:-1], whole[:-2] + b"\0" * 300 + b"SEFT", whole + whole):
        np.testing.assert_array_equal(pixels(data), pixels(whole))


@pytest.mark.parametrize("tail", [b"", END, END + BASELINE, END + b"\0" * 500])
@pytest.mark.parametrize("kind", KINDS)
def test_missing_pixels_are_detected_even_with_an_end_marker(kind: str, tail: bytes):
    whole = KINDS[kind]
    last = scan_starts(whole)[-1]
    for share in (0.02, 0.5, 0.9, 0.98):
        cut = last + 20 + int((len(whole) - 22 - last) * share)
        with pytest.raises(CorruptImage, match="missing"):
            pixels(whole[:cut].rstrip(b"\xff") + tail)


def test_an_early_scan_that_is_cut_is_detected():
    for start, following in pairwise(scan_starts(PROGRESSIVE)):
        tables = PROGRESSIVE.rindex(b"\xff\xc4", start, following) if b"\xff\xc4" in PROGRESSIVE[start:following] else 0
        end = tables or following
        with pytest.raises(CorruptImage, match="missing"):
            pixels(PROGRESSIVE[: (start + 20 + end) // 2].rstrip(b"\xff") + PROGRESSIVE[end:])


def test_missing_scans_are_detected():
    for start in scan_starts(PROGRESSIVE)[1:]:
        with pytest.raises(CorruptImage, match="scans"):
            pixels(PROGRESSIVE[:start] + END)


def test_missing_restart_intervals_are_detected():
    markers = [at for at in range(len(RESTARTS) - 1) if RESTARTS[at] == 0xFF and 0xD0 <= RESTARTS[at + 1] <= 0xD7]
    assert len(markers) > 10
    middle, following = markers[5:7]
    for data in (
        RESTARTS[:middle] + END,
        RESTARTS[:middle] + RESTARTS[following:],
        RESTARTS[: (middle + following) // 2].rstrip(b"\xff") + RESTARTS[following:],
    ):
        with pytest.raises(CorruptImage, match="missing"):
            pixels(data)


@pytest.mark.parametrize(
    ("marker", "body"),
    [
        (0xE0, b"JFIF\0"),
        (0xE0, b"J"),
        (0xE0, b""),
        (0xEE, b"Adobe"),
        (0xE1, b"Exif\0\0MM"),
        (0xE1, b"Exif\0\0" + b"\xff" * 100),
        (0xE2, b"ICC_PROFILE\0"),
        (0xE2, b"MPF\0MM\0*\xff\xff\xff\xff"),
        (0xED, b"Photoshop 3.0\x008BIM\x03\xed"),
        (0xFE, b"\xff\xda\xff\xd9"),
    ],
)
def test_damaged_metadata_is_skipped(marker: int, body: bytes):
    for whole in (BASELINE, PROGRESSIVE):
        np.testing.assert_array_equal(pixels(with_segment(whole, marker, body)), pixels(whole))


@pytest.mark.parametrize("length", [0, 1])
def test_metadata_without_a_length_is_skipped(length: int):
    data = BASELINE[:2] + b"\xff\xe5\0" + bytes((length,)) + BASELINE[2:]
    np.testing.assert_array_equal(pixels(data), pixels(BASELINE))


def test_exif_counts_wherever_it_is():
    tags = Image.Exif()
    tags[0x0112] = 6
    exif = segment(0xE1, b"Exif\0\0" + tags.tobytes()[6:])
    frame = BASELINE.index(b"\xff\xc0")
    scan = BASELINE.index(b"\xff\xda")
    junk = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>") + segment(0xFE, b"comment")
    for at in (2, frame, scan):
        assert inspect(BASELINE[:at] + junk + exif + BASELINE[at:]) == ImageInfo("JPEG", 160, 200)
    assert inspect(with_segment(BASELINE, 0xE1, exif[4:-14])).width == 200, "a directory that is cut is ignored"


@pytest.mark.parametrize(
    ("marker", "body", "variant"),
    [
        (0xC9, b"\x08\0\x10\0\x10\1\1\x11\0", "Arithmetic-coded JPEG"),
        (0xCA, b"\x08\0\x10\0\x10\1\1\x11\0", "Arithmetic-coded JPEG"),
        (0xC3, b"\x08\0\x10\0\x10\1\1\x11\0", "Lossless JPEG"),
        (0xF7, b"\x08\0\x10\0\x10\1\1\x11\0", "JPEG-LS"),
        (0xC5, b"\x08\0\x10\0\x10\1\1\x11\0", "Hierarchical JPEG"),
        (0xC1, b"\x0c\0\x10\0\x10\1\1\x11\0", "JPEG with 12 bits per sample"),
        (0xC0, b"\x08\0\x10\0\x10\2\1\x11\0\2\x11\0", "JPEG with 2 color components"),
        (0xC0, b"\x08\0\0\0\x10\1\1\x11\0", "DNL"),
    ],
)
def test_variants_are_rejected_by_name(marker: int, body: bytes, variant: str):
    frame = BASELINE.index(b"\xff\xc0")
    length = int.from_bytes(BASELINE[frame + 2 : frame + 4], "big")
    with pytest.raises(UnsupportedImage, match=variant):
        decode(BASELINE[:frame] + segment(marker, body) + BASELINE[frame + 2 + length :], square())


def test_too_many_scans_and_segments_are_rejected():
    scan = PROGRESSIVE[scan_starts(PROGRESSIVE)[-1] : -2]
    number = len(scan_starts(PROGRESSIVE))
    assert JpegStructure(PROGRESSIVE[:-2] + scan * (MAX_SCANS - number) + END)
    with pytest.raises(ImageTooComplex, match="100 scans"):
        JpegStructure(PROGRESSIVE[:-2] + scan * (MAX_SCANS - number + 1) + END)
    assert JpegStructure(BASELINE[:2] + segment(0xFE, b"") * (MAX_SEGMENTS - 20) + BASELINE[2:])
    with pytest.raises(CorruptImage, match="segments"):
        JpegStructure(BASELINE[:2] + segment(0xFE, b"") * MAX_SEGMENTS + BASELINE[2:])


def test_large_pictures_may_have_fewer_scans():
    """Each scan costs something for each pixel: a hundred of 64 megapixels took four seconds, for 250 KB."""
    frame = PROGRESSIVE.index(b"\xff\xc2")
    height, width = (side.to_bytes(2, "big") for side in (8000, 8000))
    large = PROGRESSIVE[: frame + 5] + height + width + PROGRESSIVE[frame + 9 :]
    scan, number = large[scan_starts(large)[-1] : -2], len(scan_starts(large))
    assert JpegStructure(large[:-2] + scan * (20 - number) + END).number_of_scans == 20
    with pytest.raises(ImageTooComplex, match=r"20 scans.*64\.0 megapixels"):
        JpegStructure(large[:-2] + scan * (20 - number + 1) + END)
    tile = PROGRESSIVE[:-2] + scan * (20 - number + 1) + END
    with pytest.raises(ImageTooComplex, match="20 scans"):
        JpegStructure(tile, PartOfPicture(64_000_000))


def test_short_files_raise_only_known_errors():
    for size in range(3, 700):
        with pytest.raises(CorruptImage):
            decode(BASELINE[:size], square())
