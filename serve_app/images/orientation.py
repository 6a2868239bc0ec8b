"""The EXIF orientation of a picture, 1 to 8 (EXIF 3.0, tag 0x0112)."""

from typing import Final

from PIL import ExifTags, Image

from serve_app.images.tiff_structure import check_tiff

_TRANSPOSE: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(image: Image.Image) -> int:
    """The orientation to apply, from the part of the file read so far; 1 if there is none.

    Damaged metadata is ignored, because the picture is still usable.
    """
    if image.format == "TIFF":  # Pillow applies it when it loads a TIFF
        return 1
    try:
        check_tiff(image.info.get("exif", b"").removeprefix(b"Exif\0\0"))
        # Not image.getexif(): for PNG it decodes the whole picture to find a late chunk.
        value = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) and value in _TRANSPOSE else 1


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """The (width, height) of the upright picture."""
    return (size[1], size[0]) if orientation >= 5 else size


def upright(image: Image.Image, orientation: int) -> Image.Image:
    method = _TRANSPOSE.get(orientation)
    return image if method is None else image.transpose(method)
