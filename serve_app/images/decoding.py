"""Decodes a file to upright RGB pixels of the size of a model. Raises only subclasses of RaylensError."""

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
"""A JPEG is decoded at 1/2, 1/4 or 1/8 only if this leaves at least this many pixels per pixel of the result."""

_REDUCING_GAP: Final = 3.0
"""Larger pictures are reduced by averaging to this many pixels per pixel of the result, then resized bicubic."""

_SUPPORT: Final = 2
"""Radius of the bicubic filter, in pixels of the smaller picture."""

_PNG_BITS: Final = 24
"""Offset of the bit depth in a PNG."""

_STRUCTURE: Final[dict[ImageFormat, Callable[[bytes], None]]] = {
    "JPEG": check_jpeg,
    "TIFF": check_tiff,
    "AVIF": check_avif,
}
"""Checks before decoding, against small files that are expensive to decode."""

_BUDGET: Final = PixelBudget(2 * MAX_IMAGE_PIXELS)

# Callers already decode in several threads; a thread pool per AVIF file would only cost memory.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# Pillow warns about unusual metadata, which does not concern the operator. This filter is process-wide, because
# warnings.catch_warnings() is not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.")


def inspect(data: bytes) -> ImageInfo:
    """Read the header only, without decoding pixels.

    :raises RaylensError: like :func:`decode`, except for damage after the header.
    """
    with _opened(data) as (image, file_format):
        return _info(image.size, file_format, orientation_of(image))


def decode(data: bytes, transform: Transform) -> tuple[ImageInfo, UInt8Array]:
    """Decode the first frame or page to its description and uint8 (height, width, channels), RGB or grey.

    A part of ``crop`` × the largest one with the aspect ratio of the result, or of the picture if it is stretched, is
    cut from the centre of the upright picture and resized, bicubic with antialiasing. Blocks while too many pixels are
    being decoded in this process.

    :raises ImageMissing: the file is empty.
    :raises ImageTooLarge: more than ``MAX_IMAGE_BYTES``.
    :raises UnsupportedImage: the format is not allowed.
    :raises TooManyPixels: more than ``MAX_IMAGE_PIXELS`` by the header.
    :raises CorruptImage: damaged, truncated, or of an unsupported variant.
    """
    with _opened(data) as (image, file_format):
        width, height = image.size
        with _BUDGET.share(width * height):
            loaded = _load(image, transform)
            orientation = orientation_of(image)
            if file_format == "TIFF":
                width, height = image.size
            target = upright_size((transform.width, transform.height), orientation)
            resized = _resized(image, _box(image.size, loaded, target, transform), target)
            pixels = np.asarray(upright(resized, orientation).convert("L" if transform.channels == 1 else "RGB"))
            return _info((width, height), file_format, orientation), pixels.reshape(transform.shape)


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
    with _converting_errors(file_format), Image.open(BoundedFile(data, file_format), formats=[file_format]) as image:
        _check_pixels(image.size)
        if file_format == "PNG":
            scale_colour_key(image, bits=data[_PNG_BITS])
        yield image, file_format


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
            f"The {file_format} file is damaged, truncated or of an unsupported variant. "
            "Saving it again as JPEG or PNG may help."
        ) from error


def _check_pixels(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_IMAGE_PIXELS:
        raise TooManyPixels(
            f"The image has {width:,} × {height:,} pixels, {width * height / 1e6:.1f} megapixels; "
            f"{MAX_IMAGE_PIXELS // 10**6} are allowed."
        )


def _load(image: ImageFile.ImageFile, transform: Transform) -> tuple[float, float]:
    """Decode the picture, a JPEG possibly at a fraction of its size. Returns its size without rounding."""
    least = math.ceil(_DRAFT_GAP * max(transform.height, transform.width) / transform.crop)
    draft = image.draft(None, (least, least))  # only has an effect for JPEG
    if draft:
        image.decodermaxblock = MAX_IMAGE_BYTES  # passes libjpeg the whole file uncopied instead of 64 KiB chunks
    image.load()
    return draft[1][2:] if draft else image.size


def _box(pixels: tuple[int, int], size: tuple[float, float], target: tuple[int, int], transform: Transform) -> Box:
    """The part of a picture of ``pixels``, exactly ``size``, that is resized to ``target``; each width and height."""
    width, height = size
    aspect = target[0] / target[1]
    across, down = (width, height) if transform.stretch else (min(width, height * aspect), min(height, width / aspect))
    across, down = transform.crop * across, transform.crop * down
    left, top = (width - across) / 2, (height - down) / 2
    return (left, top, min(left + across, pixels[0]), min(top + down, pixels[1]))


def _resized(image: Image.Image, box: Box, size: tuple[int, int]) -> Image.Image:
    if not is_plain(image):
        samples = Samples.of(image)
        image, box = _crop(image, box, size)
        image = to_plain(image, samples)
    return image.resize(size, Image.Resampling.BICUBIC, box, _REDUCING_GAP).convert("RGB")


def _crop(image: Image.Image, box: Box, size: tuple[int, int]) -> tuple[Image.Image, Box]:
    """The part of the picture that resizing ``box`` reads, and the box within it."""
    across, down = (_SUPPORT * max((box[i + 2] - box[i]) / size[i], 1) + 1 for i in (0, 1))
    left, top = max(0, math.floor(box[0] - across)), max(0, math.floor(box[1] - down))
    right, bottom = min(image.width, math.ceil(box[2] + across)), min(image.height, math.ceil(box[3] + down))
    cut = image.crop((left, top, right, bottom))
    return cut, (box[0] - left, box[1] - top, box[2] - left, box[3] - top)


def _info(size: tuple[int, int], file_format: ImageFormat, orientation: int) -> ImageInfo:
    width, height = upright_size(size, orientation)
    return ImageInfo(format=file_format, width=width, height=height)
