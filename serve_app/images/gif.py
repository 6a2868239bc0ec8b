"""Decodes GIFs."""

from PIL import GifImagePlugin, Image

from serve_app.images.bounded_file import BoundedFile
from serve_app.images.stored_picture import StoredPicture, damaged


def open_gif(data: bytes) -> StoredPicture:
    """The first frame, on white where it does not cover the picture.

    :raises CorruptImage: there is no frame.
    """
    image = GifImagePlugin.GifImageFile(BoundedFile(data, "GIF"))
    if not image.tile or image.tile[0].extents is None:
        raise damaged("GIF", "it has no pixels")
    frame = image.tile[0].extents

    def load() -> Image.Image:
        image.load()
        return image if frame == (0, 0, *image.size) else _on_transparent(image, frame)

    return StoredPicture.of(image.size, 1, load)


def _on_transparent(image: Image.Image, frame: tuple[int, int, int, int]) -> Image.Image:
    canvas = Image.new("RGBA", image.size)
    canvas.paste(image.crop(frame).convert("RGBA"), frame[:2])
    return canvas
