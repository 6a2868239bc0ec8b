"""Decodes AVIF."""

from io import BytesIO

from PIL import AvifImagePlugin, Image

from serve_app.images.avif_structure import AvifStructure
from serve_app.images.orientation import orientation_in
from serve_app.images.stored_picture import LoadedPicture, StoredPicture

# Callers already decode in several threads; a thread pool per file would only cost memory.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def open_avif(data: bytes) -> StoredPicture:
    """The still picture.

    :raises CorruptImage, UnsupportedImage: by its directory.
    """
    structure = AvifStructure(data)
    file = structure.file()
    image = AvifImagePlugin.AvifImageFile(BytesIO(file))
    channels, pixels = len(image.getbands()), image.width * image.height

    def load() -> Image.Image:
        decoded, *_ = image._decoder.get_frame(0)
        del image._decoder  # otherwise it keeps its frames
        return Image.frombuffer(image.mode, image.size, decoded, "raw", image.mode, 0, 1)

    return StoredPicture(
        image.size,
        # Only the rotation of the container counts, which Pillow reports as EXIF; XMP describes the time before it.
        orientation_in(image.info.get("exif", b"")),
        structure.decoded_bytes + 2 * channels * pixels + 8 * pixels + 2 * len(file),
        lambda: LoadedPicture(load()),
    )
