"""The EXIF orientation of a picture, 1 to 8 (EXIF 3.0, tag 0x0112)."""

import re
import struct
from contextlib import suppress
from typing import Final

from PIL import Image

from serve_app.images.tiff_directory import MAX_TAGS, ORIENTATION

_TRANSPOSE: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_EXIF: Final = b"Exif\0\0"
_INTEGERS: Final = {3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q"}
"""Formats by the type of a tag."""

_IN_XMP: Final = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')


def orientation_in(exif: bytes, xmp: bytes = b"") -> int:
    """The orientation in EXIF (a TIFF directory), else in XMP; 1 if there is none.

    Damaged metadata is ignored, because the picture is still usable.
    """
    value = _in_exif(exif)
    if value is None:
        match = _IN_XMP.search(xmp)
        value = int(match[1]) if match else 1
    return value if value in _TRANSPOSE else 1


def _in_exif(exif: bytes) -> int | None:
    """The first number of the tag in the first directory.

    Pillow would read all tags, each with its data: 64 KB of tags that all point to the same 64 KB take 350 MB.
    """
    while exif.startswith(_EXIF):
        exif = exif[len(_EXIF) :]
    order, value = "<" if exif[:2] == b"II" else ">", None
    entry = struct.Struct(f"{order}HHI4s")
    with suppress(struct.error):
        (at,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, at)
        for index in range(min(entries, MAX_TAGS)):
            tag, kind, count, field = entry.unpack_from(exif, at + 2 + index * entry.size)
            if tag == ORIENTATION and kind in _INTEGERS and count > 0 and value is None:
                code = struct.Struct(order + _INTEGERS[kind])
                inside = code.size * count <= len(field)
                (offset,) = (0,) if inside else struct.unpack(f"{order}I", field)
                (value,) = code.unpack_from(field if inside else exif, offset)
    return value


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """The (width, height) of the upright picture."""
    return (size[1], size[0]) if orientation >= 5 else size


def upright(image: Image.Image, orientation: int) -> Image.Image:
    method = _TRANSPOSE.get(orientation)
    return image if method is None else image.transpose(method)
