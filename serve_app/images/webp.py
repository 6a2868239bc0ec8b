"""Decodes WebP."""

from PIL import Image, WebPImagePlugin

from serve_app.images.bounded_file import BoundedFile
from serve_app.images.orientation import orientation_in
from serve_app.images.stored_picture import StoredPicture


def open_webp(data: bytes) -> StoredPicture:
    image = WebPImagePlugin.WebPImageFile(BoundedFile(data, "WEBP"))

    def load() -> Image.Image:
        image.load()
        return image

    orientation = orientation_in(image.info.get("exif", b"").removeprefix(b"Exif\0\0"), image.info.get("xmp", b""))
    return StoredPicture.of(image.size, orientation, load)
