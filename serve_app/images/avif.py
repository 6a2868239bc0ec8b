"""Decodes AVIF."""

import re
from io import BytesIO
from typing import Final

from PIL import AvifImagePlugin, Image

from serve_app.images.orientation import orientation_in
from serve_app.images.stored_picture import StoredPicture, unsupported

_EXIF_ITEM: Final = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))Exif", re.DOTALL)

# Callers already decode in several threads; a thread pool per file would only cost memory.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def open_avif(data: bytes) -> StoredPicture:
    """:raises UnsupportedImage: the picture in the container is of another codec."""
    try:
        image = AvifImagePlugin.AvifImageFile(BytesIO(_normalized(data)))
    except Exception:  # whatever libavif says, the codec is the reason
        if b"hvc1" in data[:4096] and b"av01" not in data:
            raise unsupported("HEIC in an AVIF container") from None
        raise

    def load() -> Image.Image:
        image.load()
        return image

    # Only the rotation of the container counts, which Pillow reports as EXIF; XMP describes the time before it.
    return StoredPicture.of(image.size, orientation_in(image.info.get("exif", b"")), load)


def _normalized(data: bytes) -> bytes:
    """The file with AVIF as its major brand, and without EXIF.

    Pillow looks only at the major brand. libavif rejects files with damaged EXIF; the orientation in it does not count.
    """
    brand = b"avif" if b"avif" in data[16 : int.from_bytes(data[:4], "big")] else data[8:12]
    return data[:8] + brand + _EXIF_ITEM.sub(rb"\1Skip", data[12:])
