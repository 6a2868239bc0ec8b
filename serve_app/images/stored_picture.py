"""A picture as a file stores it: measured and understood, but not yet decoded."""

from collections.abc import Callable
from typing import Final, NamedTuple

from PIL import Image

from serve_app.errors import CorruptImage, UnsupportedImage
from serve_app.images.formats import ImageFormat

_PIXEL_BYTES: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2}
"""By mode; all others take four."""


class LoadedPicture(NamedTuple):
    """Decoded pixels; a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, its ``reduction``."""

    image: Image.Image
    reduction: int = 1


class StoredPicture(NamedTuple):
    """What the header tells; ``load`` decodes the pixels.

    ``size`` is (width, height) before ``orientation`` (EXIF, 1 to 8) is applied. ``decoded_bytes`` is an upper bound of
    the memory that opening, decoding and conversion to RGB take at their peak. ``scans`` is how often all pixels are
    processed.
    """

    size: tuple[int, int]
    orientation: int
    decoded_bytes: int
    load: Callable[[], LoadedPicture]
    scans: int = 1

    @classmethod
    def of(
        cls, size: tuple[int, int], orientation: int, decoded_bytes: int, load: Callable[[], Image.Image]
    ) -> "StoredPicture":
        """A picture that can only be decoded at its full size."""
        return cls(size, orientation, decoded_bytes, lambda: LoadedPicture(load()))


def image_bytes(mode: str, size: tuple[int, int]) -> int:
    """Memory of an image of Pillow, with a pointer to each row."""
    width, height = size
    return height * (8 + width * _PIXEL_BYTES.get(mode, 4))


def unsupported(variant: str) -> UnsupportedImage:
    """The error for a sound file of a variant that is not decoded, like "TIFF with 24-bit samples"."""
    return UnsupportedImage(f"{variant} is not supported. Save the image as JPEG or PNG.")


def damaged(file_format: ImageFormat, reason: str) -> CorruptImage:
    """The error for a file whose pixels cannot all be right. ``reason`` completes "The JPEG file is damaged: "."""
    return CorruptImage(f"The {file_format} file is damaged: {reason}. Send the original file.")
