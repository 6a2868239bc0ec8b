"""Decodes a file to upright RGB pixels of the size of a model. Raises only subclasses of RaylensError."""

import logging
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import numpy as np
from PIL import Image

from models.arrays import UInt8Array
from models.spec import Transform
from serve_app.errors import (
    CorruptImage,
    ImageMissing,
    ImageTooComplex,
    ImageTooLarge,
    RaylensError,
    TooManyPixels,
    UnsupportedImage,
)
from serve_app.images.avif import open_avif
from serve_app.images.bmp import open_bmp
from serve_app.images.colour import is_plain, plain_part
from serve_app.images.formats import ImageFormat, sniff, unsupported_format_message
from serve_app.images.gif import open_gif
from serve_app.images.jpeg import open_jpeg
from serve_app.images.limits import MAX_DECODED_BYTES, MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS
from serve_app.images.memory_budget import MemoryBudget
from serve_app.images.orientation import upright, upright_size
from serve_app.images.png import open_png
from serve_app.images.resizing import REDUCING_GAP, Box, resize, surroundings
from serve_app.images.stored_picture import StoredPicture
from serve_app.images.tiff import open_tiff
from serve_app.images.webp import open_webp
from serve_app.types import ImageInfo

logger = logging.getLogger(__name__)

_DRAFT_GAP: Final = 2.5
"""A JPEG is decoded at 1/2, 1/4 or 1/8 only if this leaves at least this many pixels per pixel of the result."""

_FIXED_BYTES: Final = 8 * 2**20
"""Memory that does not depend on the picture much: tables, rows and directories."""


class OpenedImage(NamedTuple):
    """An image of which the header is read.

    ``decoded_bytes`` is an upper bound of the memory that ``pixels`` takes; ``scans`` is how often it processes every
    pixel. ``pixels`` decodes to uint8 (height, width, channels).
    """

    info: ImageInfo
    decoded_bytes: int
    scans: int
    pixels: Callable[[], UInt8Array]


_OPEN: Final[dict[ImageFormat, Callable[[bytes], StoredPicture]]] = {
    "PNG": open_png,
    "GIF": open_gif,
    "WEBP": open_webp,
    "BMP": open_bmp,
    "TIFF": open_tiff,
    "AVIF": open_avif,
}

_BUDGET: Final = MemoryBudget(MAX_DECODED_BYTES)

# Pillow warns about unusual metadata, which does not concern the operator. This filter is process-wide, because
# warnings.catch_warnings() is not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.")


def inspect(data: bytes) -> ImageInfo:
    """Read the header only, without decoding pixels.

    :raises RaylensError: like :func:`decode`, except for damage after the header.
    """
    file_format = _format(data)
    with _converting_errors(file_format):
        return _info(_stored(data, file_format, 1), file_format)


def decode(data: bytes, transform: Transform, most_bytes: float = math.inf) -> tuple[ImageInfo, UInt8Array]:
    """Decode the first frame or page to its description and uint8 (height, width, channels), RGB or grey.

    Blocks while too much memory is used for decoding in this process.

    :raises ImageTooComplex: decoding would take more than ``most_bytes`` of memory.
    :raises RaylensError: like :func:`open_image` and its ``pixels``.
    """
    opened = open_image(data, transform)
    if opened.decoded_bytes > most_bytes:
        raise ImageTooComplex("The image is much larger than its header says. Saving it again may help.")
    with _BUDGET.share(opened.decoded_bytes):
        return opened.info, opened.pixels()


def open_image(data: bytes, transform: Transform) -> OpenedImage:
    """Read the header of the first frame or page, whose ``pixels`` are decoded RGB or grey.

    A part of ``crop`` × the largest one with the aspect ratio of the result, or of the picture if it is stretched, is
    cut from the centre of the upright picture and resized, bicubic with antialiasing.

    :raises ImageMissing: the file is empty.
    :raises ImageTooLarge: more than ``MAX_IMAGE_BYTES``.
    :raises UnsupportedImage: the format is not allowed, or its variant not supported.
    :raises TooManyPixels: more than ``MAX_IMAGE_PIXELS`` by the header.
    :raises CorruptImage: damaged or truncated; ``pixels`` also raises it, and UnsupportedImage.
    """
    file_format = _format(data)
    least = math.ceil(_DRAFT_GAP * max(transform.height, transform.width) / transform.crop)
    with _converting_errors(file_format):
        picture = _stored(data, file_format, least)

    def pixels() -> UInt8Array:
        with _converting_errors(file_format):
            return _pixels(picture, transform)

    decoded_bytes = _FIXED_BYTES + picture.decoded_bytes + _resizing_bytes(picture.size, transform)
    return OpenedImage(_info(picture, file_format), decoded_bytes, picture.scans, pixels)


def _pixels(picture: StoredPicture, transform: Transform) -> UInt8Array:
    image, reduction = picture.load()
    size = (picture.size[0] / reduction, picture.size[1] / reduction)
    target = upright_size((transform.width, transform.height), picture.orientation)
    box = _box(image.size, size, target, transform)
    if not is_plain(image):
        image, box = _plain(image, box, target)
    resized = upright(resize(image, box, target), picture.orientation)
    mode = "L" if transform.channels == 1 else "RGB"
    return np.asarray(resized if resized.mode == mode else resized.convert(mode)).reshape(transform.shape)


def _format(data: bytes) -> ImageFormat:
    if not data:
        raise ImageMissing("The image is empty.")
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageTooLarge(f"The image has {len(data):,} bytes; {MAX_IMAGE_BYTES:,} (20 MiB) are allowed.")
    file_format = sniff(data)
    if file_format is None:
        raise UnsupportedImage(unsupported_format_message(data))
    return file_format


def _stored(data: bytes, file_format: ImageFormat, least: int) -> StoredPicture:
    picture = open_jpeg(data, least) if file_format == "JPEG" else _OPEN[file_format](data)
    _check_pixels(picture.size)
    if picture.decoded_bytes > MAX_DECODED_BYTES:
        raise TooManyPixels(
            f"Decoding the image would take {picture.decoded_bytes / 1e6:,.0f} MB of memory; "
            f"{MAX_DECODED_BYTES / 1e6:,.0f} MB are allowed. Scale it down, or save it as JPEG."
        )
    return picture


def _resizing_bytes(size: tuple[int, int], transform: Transform) -> int:
    """Memory for a reduced picture, one that is resized in one direction, and results in several forms."""
    largest = max(transform.width, transform.height)
    width, height = (min(side, math.ceil(2 * REDUCING_GAP * largest / transform.crop)) for side in size)
    return 4 * (width * height + largest * max(width, height) + 4 * transform.width * transform.height)


@contextmanager
def _converting_errors(file_format: ImageFormat) -> Iterator[None]:
    """Convert exceptions of Pillow, whose decoders raise almost any type, to RaylensError."""
    try:
        yield
    except RaylensError:
        raise
    except Image.DecompressionBombError as error:
        raise TooManyPixels(f"The image has more than {MAX_IMAGE_PIXELS // 10**6} megapixels.") from error
    except Exception as error:
        logger.debug("Not decoded", exc_info=True)
        raise CorruptImage(
            f"The {file_format} file is damaged or truncated. Send the original file, or save it again as JPEG or PNG."
        ) from error


def _check_pixels(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_IMAGE_PIXELS:
        raise TooManyPixels(
            f"The image has {width:,} × {height:,} pixels, {width * height / 1e6:.1f} megapixels; "
            f"{MAX_IMAGE_PIXELS // 10**6} are allowed."
        )


def _box(pixels: tuple[int, int], size: tuple[float, float], target: tuple[int, int], transform: Transform) -> Box:
    """The part of a picture of ``pixels``, exactly ``size``, that is resized to ``target``; each width and height."""
    width, height = size
    aspect = target[0] / target[1]
    across, down = (width, height) if transform.stretch else (min(width, height * aspect), min(height, width / aspect))
    across, down = transform.crop * across, transform.crop * down
    left, top = (width - across) / 2, (height - down) / 2
    return (left, top, min(left + across, pixels[0]), min(top + down, pixels[1]))


def _plain(image: Image.Image, box: Box, size: tuple[int, int]) -> tuple[Image.Image, Box]:
    """The part of the picture that resizing ``box`` reads, as RGB or grey, and the box within it."""
    left, top, right, bottom = surroundings(image.size, box, size)
    return plain_part(image, (left, top, right, bottom)), (box[0] - left, box[1] - top, box[2] - left, box[3] - top)


def _info(picture: StoredPicture, file_format: ImageFormat) -> ImageInfo:
    width, height = upright_size(picture.size, picture.orientation)
    return ImageInfo(format=file_format, width=width, height=height)
