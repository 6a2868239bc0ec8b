"""The EXIF orientation of a picture, 1 to 8 (EXIF 3.0, tag 0x0112)."""

import re
from typing import Final

from PIL import ExifTags, Image

from serve_app.images.exif_limits import check_exif

_TRANSPOSE: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

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
    try:
        check_exif(exif)
        tags = Image.Exif()
        tags.load(b"Exif\0\0" + exif)
        value = tags.get(ExifTags.Base.Orientation)
    except Exception:
        return None
    return value if isinstance(value, int) else None


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """The (width, height) of the upright picture."""
    return (size[1], size[0]) if orientation >= 5 else size


def upright(image: Image.Image, orientation: int) -> Image.Image:
    method = _TRANSPOSE.get(orientation)
    return image if method is None else image.transpose(method)
