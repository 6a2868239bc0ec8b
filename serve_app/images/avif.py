"""Decodes AVIF."""

from io import BytesIO
from typing import Final

from PIL import AvifImagePlugin, Image

from serve_app.errors import TooManyPixels
from serve_app.images.avif_structure import AvifStructure
from serve_app.images.colour import conversion_bytes
from serve_app.images.limits import MAX_IMAGE_PIXELS
from serve_app.images.orientation import orientation_in
from serve_app.images.stored_picture import LoadedPicture, StoredPicture, damaged, image_bytes

_COPIES: Final = 4
"""Copies of the coded pictures: for the new file, and as Pillow passes them on."""

_HIDDEN_FACTOR: Final = 4
_HIDDEN_PIXELS: Final = 2**20
"""A coded picture may be larger than that which is shown, as layers are, but a small picture must not cost more."""

_DECODED_FACTOR: Final = 16
_DECODED_PIXELS: Final = 2**22
"""The same for the frames of all coded pictures together: of colors and opacity, each in some layers."""

_KEPT_BYTES: Final = 32 * 2**20
"""Freed memory that the allocator of the C library may keep: it returns only larger pieces at once."""

# Callers already decode in several threads; a thread pool per file would only cost memory.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def open_avif(data: bytes) -> StoredPicture:
    """The still picture.

    :raises CorruptImage, UnsupportedImage, TooManyPixels: by its directory and the headers of its frames.
    """
    structure = AvifStructure(data)
    if structure.pixels > MAX_IMAGE_PIXELS:
        raise TooManyPixels(
            f"The AVIF has a coded picture of {structure.pixels / 1e6:,.0f} megapixels; "
            f"{MAX_IMAGE_PIXELS // 10**6} are allowed."
        )
    file = structure.file()
    image = AvifImagePlugin.AvifImageFile(BytesIO(file))
    seen = image.width * image.height
    if structure.pixels > max(_HIDDEN_FACTOR * seen, _HIDDEN_PIXELS) or structure.decoded_pixels > max(
        _DECODED_FACTOR * seen, _DECODED_PIXELS
    ):
        raise damaged("AVIF", "its pixels are more than its directory says")
    output = len(image.getbands()) * seen
    converted = image_bytes(image.mode, image.size) + conversion_bytes(image.mode, image.size)

    frames = structure.decoded_bytes + 2 * output
    decoded_bytes = _COPIES * len(file) + max(frames, output + converted) + min(converted, _KEPT_BYTES)

    def load() -> Image.Image:
        decoded, *_ = image._decoder.get_frame(0)
        del image._decoder  # otherwise it keeps its frames
        return Image.frombuffer(image.mode, image.size, decoded, "raw", image.mode, 0, 1)

    return StoredPicture(
        image.size,
        # Only the rotation of the container counts, which Pillow reports as EXIF; XMP describes the time before it.
        orientation_in(image.info.get("exif", b"")),
        decoded_bytes,
        lambda: LoadedPicture(load()),
    )
