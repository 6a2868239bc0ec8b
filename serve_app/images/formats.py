"""Detects the format of a file by its first bytes, because names and Content-Types can be wrong."""

from typing import Final, Literal

ImageFormat = Literal["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"]

ALLOWED: Final[tuple[ImageFormat, ...]] = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")

SNIFF_BYTES: Final = 256
"""Number of leading bytes that :func:`sniff` needs."""

_MAGIC: Final[tuple[tuple[bytes, ImageFormat], ...]] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II\x2a\x00", "TIFF"),
    (b"MM\x00\x2a", "TIFF"),
    (b"II\x2b\x00", "TIFF"),
    (b"MM\x00\x2b", "TIFF"),
)

_FOREIGN: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"8BPS", "a Photoshop file"),
    (b"\x00\x00\x01\x00", "an icon (ICO)"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
)

_HEIC_BRANDS: Final = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))


def sniff(head: bytes) -> ImageFormat | None:
    """The allowed format of a file that starts with ``head``; None for any other format."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if _brands(head) & {b"avif", b"avis"}:
        return "AVIF"
    return None


def unsupported_format_message(head: bytes) -> str:
    """The error message for a file that :func:`sniff` rejects: the presumed format, and the allowed formats."""
    return f"This is {_guess(head)}. Allowed are JPEG, PNG, GIF, WebP, BMP, TIFF and AVIF."


def _brands(head: bytes) -> set[bytes]:
    """The brands of an ISO media file (AVIF, HEIC, MP4): the major brand and the compatible brands."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))}


def _guess(head: bytes) -> str:
    for magic, name in _FOREIGN:
        if head.startswith(magic):
            return name
    if brands := _brands(head):
        return "HEIC" if brands & _HEIC_BRANDS else "a video or another ISO media file"
    text = head[:SNIFF_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text:
        return "SVG, which is not a pixel image"
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "an HTML page"
    if text.startswith((b"<", b"{", b"[")) or (text and text.isascii() and b"\x00" not in text):
        return "text"
    return "not an image of a known format"
