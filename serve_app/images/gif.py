"""Decodes the first frame of a GIF."""

from io import BytesIO
from typing import Final

from PIL import GifImagePlugin, Image

from serve_app.images.stored_picture import StoredPicture, damaged

MAX_GIF_BLOCKS: Final = 100_000
"""Blocks before the first frame, with those of comments. A color profile of 1 MB has 4,000."""

_HEADER_BYTES: Final = 13
_CONTROL: Final = b"!\xf9\4"
"""Start of an extension with the transparent color."""


def open_gif(data: bytes) -> StoredPicture:
    """The first frame, on white where it does not cover the picture.

    :raises CorruptImage: there is no frame.
    """
    image = GifImagePlugin.GifImageFile(BytesIO(_without_extensions(data)))
    if not image.tile or image.tile[0].extents is None:
        raise damaged("GIF", "it has no pixels")
    frame = image.tile[0].extents

    def load() -> Image.Image:
        image.load()
        return image if frame == (0, 0, *image.size) else _on_transparent(image, frame)

    return StoredPicture.of(image.size, 1, load)


def _without_extensions(data: bytes) -> bytes:
    """The file without comments and metadata before its first frame, which may be damaged or of any size."""
    if len(data) < _HEADER_BYTES:
        raise damaged("GIF", "its header is incomplete")
    end = at = _HEADER_BYTES + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    control = b""
    for _ in range(MAX_GIF_BLOCKS):
        block = data[at : at + 8]
        if block[:1] == b",":
            return data[:end] + control + data[at:]
        if block[:1] in (b";", b""):
            raise damaged("GIF", "it has no pixels")
        if block[:1] != b"!":
            at += 1  # junk between blocks
        elif block.startswith(_CONTROL) and block[7:] == b"\0":
            control, at = block, at + len(block)
        else:
            at = _after_blocks(data, at + 2)
    raise damaged("GIF", f"it has more than {MAX_GIF_BLOCKS:,} blocks before its pixels")


def _after_blocks(data: bytes, at: int) -> int:
    for _ in range(MAX_GIF_BLOCKS):
        size = data[at] if at < len(data) else 0
        at += 1 + size
        if size == 0:
            return at
    raise damaged("GIF", f"it has more than {MAX_GIF_BLOCKS:,} blocks before its pixels")


def _on_transparent(image: Image.Image, frame: tuple[int, int, int, int]) -> Image.Image:
    canvas = Image.new("RGBA", image.size)
    canvas.paste(image.crop(frame).convert("RGBA"), frame[:2])
    return canvas
