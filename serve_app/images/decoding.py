"""Encoded file → upright RGB pixels of the size a model wants. Whatever the bytes are, only errors of ours come out."""

import logging
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
from PIL import AvifImagePlugin, Image, ImageFile

from models.arrays import UInt8Array
from models.spec import Transform
from serve_app.errors import (
    CorruptImage,
    ImageMissing,
    ImageTooLarge,
    RaylensError,
    TooManyPixels,
    UnsupportedImage,
)
from serve_app.images.bounded_file import BoundedFile
from serve_app.images.colour import Samples, is_plain, scale_colour_key, to_plain
from serve_app.images.formats import ImageFormat, sniff, unsupported_format_message
from serve_app.images.jpeg_structure import check_jpeg
from serve_app.images.limits import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS
from serve_app.images.orientation import orientation_of, upright, upright_size
from serve_app.images.pixel_budget import PixelBudget
from serve_app.images.tiff_structure import check_avif, check_tiff
from serve_app.types import ImageInfo

logger = logging.getLogger(__name__)

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

_DRAFT_GAP: Final = 2
"""A JPEG is decoded at 1/2, 1/4 or 1/8 only where that still leaves this many pixels for each one of the result."""

_REDUCING_GAP: Final = 3.0
"""Larger pictures are averaged in whole pixels down to this many for each one of the result, then resized bicubic."""

_SUPPORT: Final = 2
"""Radius of the bicubic filter, in pixels of the smaller picture."""

_PNG_BITS: Final = 24
"""Where a PNG says how many bits a sample has."""

_STRUCTURE: Final[dict[ImageFormat, Callable[[bytes], None]]] = {
    "JPEG": check_jpeg,
    "TIFF": check_tiff,
    "AVIF": check_avif,
}
"""What to look at before Pillow does: files that are small in bytes and pixels and still hold up a decoder."""

_BUDGET: Final = PixelBudget(2 * MAX_IMAGE_PIXELS)

# The threads of our callers are the parallelism; a pool per AVIF file on top of it only costs memory.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# Pillow warns of odd metadata, which is the sender's affair. For the whole process, as warnings.catch_warnings()
# is not safe in threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


def inspect(data: bytes) -> ImageInfo:
    """What the header says; no pixel is decoded.

    :raises RaylensError: as :func:`decode`, except for damage behind the header.
    """
    with _opened(data) as (image, file_format):
        return _info(image.size, file_format, orientation_of(image))


def decode(data: bytes, transform: Transform) -> tuple[ImageInfo, UInt8Array]:
    """The first frame or page of an encoded file: its description, and uint8 (size, size, 3) RGB.

    A square of ``crop`` × the shorter side is cut from the centre of the upright picture and resized, bicubic with
    antialiasing. Blocks while too many pixels are being decoded in this process.

    :raises ImageMissing: no bytes.
    :raises ImageTooLarge: more than ``MAX_IMAGE_BYTES``.
    :raises UnsupportedImage: not one of the allowed formats.
    :raises TooManyPixels: more than ``MAX_IMAGE_PIXELS`` by the header.
    :raises CorruptImage: damaged, truncated, or of a variant that cannot be read.
    """
    with _opened(data) as (image, file_format):
        width, height = image.size
        with _BUDGET.share(width * height):
            box = _load(image, transform)
            orientation = orientation_of(image)
            if file_format == "TIFF":
                width, height = image.size
            square = upright(_resized(image, box, transform.size), orientation)
            return _info((width, height), file_format, orientation), np.asarray(square)


@contextmanager
def _opened(data: bytes) -> Iterator[tuple[ImageFile.ImageFile, ImageFormat]]:
    if not data:
        raise ImageMissing("The image is empty.")
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageTooLarge(f"The image has {len(data):,} bytes; {MAX_IMAGE_BYTES:,} (20 MiB) are allowed.")
    file_format = sniff(data)
    if file_format is None:
        raise UnsupportedImage(unsupported_format_message(data))
    if check := _STRUCTURE.get(file_format):
        check(data)
    with _ours(file_format), Image.open(BoundedFile(data, file_format), formats=[file_format]) as image:
        _check_pixels(image.size)
        if file_format == "PNG":
            scale_colour_key(image, bits=data[_PNG_BITS])
        yield image, file_format


@contextmanager
def _ours(file_format: ImageFormat) -> Iterator[None]:
    """Turn what Pillow raises into errors of ours. Its decoders raise nearly every type there is."""
    try:
        yield
    except RaylensError:
        raise
    except Image.DecompressionBombError as error:
        raise TooManyPixels(f"The image has more than {MAX_IMAGE_PIXELS // 10**6} megapixels.") from error
    except Exception as error:
        logger.debug("Not decoded", exc_info=True)
        raise CorruptImage(
            f"The {file_format} file is damaged, truncated or of a rare variant. Saved anew as JPEG or PNG it may work."
        ) from error


def _check_pixels(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_IMAGE_PIXELS:
        raise TooManyPixels(
            f"The image has {width:,} × {height:,} pixels, {width * height / 1e6:.1f} megapixels; "
            f"{MAX_IMAGE_PIXELS // 10**6} are allowed."
        )


def _load(image: ImageFile.ImageFile, transform: Transform) -> Box:
    """Decode the picture, a JPEG perhaps at a fraction of its size; the box to cut from it."""
    least = math.ceil(_DRAFT_GAP * transform.size / transform.crop)
    draft = image.draft(None, (least, least))  # does nothing where it is not a JPEG
    if draft:
        image.decodermaxblock = MAX_IMAGE_BYTES  # hands libjpeg the whole file, uncopied, instead of 64 KiB at a time
    image.load()
    width, height = draft[1][2:] if draft else image.size
    side = transform.crop * min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return (left, top, min(left + side, image.width), min(top + side, image.height))


def _resized(image: Image.Image, box: Box, size: int) -> Image.Image:
    if not is_plain(image):
        samples = Samples.of(image)
        image, box = _cut(image, box, size)
        image = to_plain(image, samples)
    return image.resize((size, size), Image.Resampling.BICUBIC, box, _REDUCING_GAP).convert("RGB")


def _cut(image: Image.Image, box: Box, size: int) -> tuple[Image.Image, Box]:
    """The part of the picture that the resize of ``box`` looks at, and where the box is in it."""
    margin = _SUPPORT * max((box[2] - box[0]) / size, 1) + 1
    left, top = max(0, math.floor(box[0] - margin)), max(0, math.floor(box[1] - margin))
    right, bottom = min(image.width, math.ceil(box[2] + margin)), min(image.height, math.ceil(box[3] + margin))
    cut = image.crop((left, top, right, bottom))
    return cut, (box[0] - left, box[1] - top, box[2] - left, box[3] - top)


def _info(size: tuple[int, int], file_format: ImageFormat, orientation: int) -> ImageInfo:
    width, height = upright_size(size, orientation)
    return ImageInfo(format=file_format, width=width, height=height)
