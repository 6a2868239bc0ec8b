from pathlib import Path

import pytest

from serve_app.images.formats import ALLOWED, SNIFF_BYTES, sniff, unsupported_format_message
from serve_app.images.sample import sample


@pytest.mark.parametrize("file_format", ALLOWED)
def test_allowed_formats_are_detected(file_format):
    assert sniff(sample(file_format)[:SNIFF_BYTES]) == file_format


@pytest.mark.parametrize(
    "head",
    [b"", b"B", b"GIF88a", b"RIFF\0\0\0\0WAVE", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"\0\0\0\x10ftyp", b"II\x2c\0"],
)
def test_other_formats_are_not_detected(head: bytes):
    assert sniff(head) is None


def test_avif_is_detected_by_a_compatible_brand():
    assert sniff(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf") == "AVIF"
    assert sniff(b"\0\0\0\x14ftypmif1\0\0\0\0mif1avif") is None, "avif lies behind the end of the box"


@pytest.mark.parametrize(
    ("head", "seems"),
    [
        (b"%PDF-1.7", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg/>", "SVG"),
        (b"\n<!DOCTYPE html><html>", "HTML"),
        (b"<HTML>", "HTML"),
        (b'{"error": 1}', "text"),
        (b"just words", "text"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "video"),
        (b"\xff\x0a\0", "JPEG XL"),
        (b"PK\x03\x04", "ZIP"),
        (b"\0\1\2\3", "not an image"),
        (b"", "not an image"),
    ],
)
def test_the_message_names_the_format_and_the_allowed_ones(head: bytes, seems: str):
    assert seems in unsupported_format_message(head)
    assert "JPEG, PNG, GIF, WebP, BMP, TIFF and AVIF" in unsupported_format_message(head)


def test_pillow_never_chooses_the_decoder():
    """``Image.open`` tries the plugins of all formats; here the first bytes decide, once."""
    root = Path(__file__).parents[2]
    for folder in ("serve_app", "models", "auth"):
        for path in (root / folder).rglob("*.py"):
            assert "Image.open(" not in path.read_text(encoding="utf-8"), path
