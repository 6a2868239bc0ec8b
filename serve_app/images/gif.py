"""Decodes the first frame of a GIF."""

from io import BytesIO
from typing import Final, NamedTuple

from PIL import GifImagePlugin, Image

from serve_app.images.colour import conversion_bytes
from serve_app.images.stored_picture import StoredPicture, damaged, image_bytes

MAX_GIF_BLOCKS: Final = 100_000
"""Blocks before the first frame, with those of comments. A color profile of 1 MB has 4,000."""

_COPIES: Final = 3
"""Copies of the file without its extensions."""

_HEADER_BYTES: Final = 13
_CONTROL: Final = b"!\xf9\4"
"""Start of an extension with the transparent color."""


class GifFrame(NamedTuple):
    """Where a frame begins, and the extension with its transparent color."""

    at: int
    control: bytes


def open_gif(data: bytes) -> StoredPicture:
    """The first frame, on white where it does not cover the picture.

    :raises CorruptImage: there is no frame.
    """
    image = GifImagePlugin.GifImageFile(BytesIO(_without_extensions(data)))
    if not image.tile or image.tile[0].extents is None:
        raise damaged("GIF", "it has no pixels")
    frame = image.tile[0].extents

    is_partial = frame != (0, 0, *image.size)

    def load() -> Image.Image:
        image.load()
        return _on_transparent(image, frame) if is_partial else image

    decoded_bytes = image_bytes(image.mode, image.size) + _COPIES * len(data)
    if is_partial:
        part = (frame[2] - frame[0], frame[3] - frame[1])
        converted = max(image_bytes("P", part) + image_bytes("RGBA", part), conversion_bytes("RGBA", image.size))
        decoded_bytes += image_bytes("RGBA", image.size) + converted
    else:
        decoded_bytes += conversion_bytes(image.mode, image.size, transparent="transparency" in image.info)
    return StoredPicture.of(image.size, 1, decoded_bytes, load)


def _without_extensions(data: bytes) -> bytes:
    """The file without comments and metadata before its first frame, which may be damaged or of any size."""
    frame = first_frame(data)
    return data[: _colours_end(data)] + frame.control + data[frame.at :]


def first_frame(data: bytes, most_blocks: int = MAX_GIF_BLOCKS) -> GifFrame:
    """:raises CorruptImage: there is none within so many blocks."""
    if len(data) < _HEADER_BYTES:
        raise damaged("GIF", "its header is incomplete")
    at = _colours_end(data)
    control, left = b"", most_blocks
    while left > 0:
        left -= 1
        block = data[at : at + 8]
        if block[:1] == b",":
            return GifFrame(at, control)
        if block[:1] in (b";", b""):
            raise damaged("GIF", "it has no pixels")
        if block[:1] != b"!":
            at += 1  # junk between blocks
        elif block.startswith(_CONTROL) and block[7:] == b"\0":
            control, at = block, at + len(block)
        else:
            at, left = _after_blocks(data, at + 2, left)
    raise damaged("GIF", f"it has more than {most_blocks:,} blocks before its pixels")


def _colours_end(data: bytes) -> int:
    """The end of the header with the table of colors."""
    return _HEADER_BYTES + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)


def _after_blocks(data: bytes, at: int, left: int) -> tuple[int, int]:
    """The end of an extension, and how many blocks are left of the limit."""
    while left > 0:
        left -= 1
        size = data[at] if at < len(data) else 0
        at += 1 + size
        if size == 0:
            break
    return at, left


def _on_transparent(image: Image.Image, frame: tuple[int, int, int, int]) -> Image.Image:
    canvas = Image.new("RGBA", image.size)
    canvas.paste(image.crop(frame).convert("RGBA"), frame[:2])
    return canvas
