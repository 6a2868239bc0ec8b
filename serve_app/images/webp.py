"""Decodes WebPs: the picture, or the first frame of an animation.

Only its chunks reach the decoder, which rejects a file if profiles, metadata or later frames are damaged or cut.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Final, NamedTuple

from PIL import Image, WebPImagePlugin

from serve_app.images.colour import conversion_bytes
from serve_app.images.orientation import orientation_in
from serve_app.images.stored_picture import StoredPicture, damaged, image_bytes
from serve_app.images.vp8l import SymbolBudget, code_bytes

MAX_WEBP_CHUNKS: Final = 10_000
"""A chunk per frame, some minutes of animation."""

_MAX_CONTAINED_CHUNKS: Final = 8
"""Of one of many pictures in a file, which need three."""

_RIFF_HEADER: Final = 12
_FRAME_HEADER: Final = 16
_COPIES: Final = 4
"""Copies of the data: the file of a frame, and those of Pillow and libwebp."""

WEBP_PIXEL_BYTES: Final = 13
"""Memory per pixel for decoding: two canvases, and the decoder's pixels or Pillow's copy; opacity."""

_PICTURES: Final = (b"VP8 ", b"VP8L")
_LOSSLESS: Final = 1
"""Compression of a chunk with the opacity."""

_ALPHA_FLAG: Final = 0x10


class _Chunk(NamedTuple):
    name: bytes
    body: memoryview

    @property
    def whole(self) -> bytes:
        return b"".join((self.name, len(self.body).to_bytes(4, "little"), self.body, bytes(len(self.body) % 2)))


class _Frame(NamedTuple):
    """Position and size of a picture within the canvas, and the chunks with its pixels."""

    left: int
    top: int
    size: tuple[int, int]
    chunks: list[_Chunk]


def open_webp(data: bytes) -> StoredPicture:
    """:raises CorruptImage: the picture is missing or cut."""
    chunks = list(_chunks(memoryview(data)[_RIFF_HEADER:]))
    found = {chunk.name: chunk for chunk in reversed(chunks)}
    if chunks and chunks[0].name in _PICTURES:  # the simple format, in which nothing else counts
        found = {}
    extended, first = found.get(b"VP8X"), found.get(b"ANMF")
    frame = _frame(chunks) if first is None else _animated(first.body)
    size = frame.size
    if extended is not None and len(extended.body) >= 10:
        size = (1 + _number(extended.body, 4), 1 + _number(extended.body, 7))
    if first is None and frame.size != size:
        raise damaged("WEBP", "its canvas has another size than its picture")
    if frame.left + frame.size[0] > size[0] or frame.top + frame.size[1] > size[1]:
        raise damaged("WEBP", "its picture is larger than the canvas")
    exif, xmp = (bytes(found[name].body) if name in found else b"" for name in (b"EXIF", b"XMP "))
    orientation = orientation_in(exif, xmp)
    return StoredPicture.of(size, orientation, _decoded_bytes(frame, size), lambda: _decoded(frame, size))


def _decoded_bytes(frame: _Frame, size: tuple[int, int]) -> int:
    data = _COPIES * sum(len(chunk.body) for chunk in frame.chunks)
    decoded = WEBP_PIXEL_BYTES * frame.size[0] * frame.size[1] + _code_bytes(frame, SymbolBudget())
    if frame.size == size:
        return data + max(decoded, image_bytes("RGBA", size) + conversion_bytes("RGBA", size))
    part = 2 * image_bytes("RGBA", frame.size)
    canvas = image_bytes("RGBA", size) + max(part, conversion_bytes("RGBA", size))
    return data + max(decoded, canvas)


def _code_bytes(frame: _Frame, symbols: SymbolBudget) -> int:
    return sum(
        code_bytes(chunk.body, frame.size, symbols, alpha=chunk.name == b"ALPH")
        for chunk in frame.chunks
        if chunk.name == b"VP8L" or (chunk.name == b"ALPH" and chunk.body[:1] and chunk.body[0] & 3 == _LOSSLESS)
    )


def webp_code_bytes(data: memoryview, symbols: SymbolBudget) -> int:
    """Memory for the prefix codes of a picture for :func:`decode_webp`, of whose file ``symbols`` are left."""
    return _code_bytes(_frame(list(_chunks(data[_RIFF_HEADER:], _MAX_CONTAINED_CHUNKS))), symbols)


def decode_webp(data: bytes, largest: tuple[int, int]) -> Image.Image:
    """The picture, for files that contain WebPs of at most the ``largest`` width and height.

    :raises CorruptImage: the picture is missing, cut or larger.
    """
    frame = _frame(list(_chunks(memoryview(data)[_RIFF_HEADER:], _MAX_CONTAINED_CHUNKS)))
    if frame.size[0] > largest[0] or frame.size[1] > largest[1]:
        raise damaged("WEBP", "it is larger than its container says")
    return _decoded(frame, frame.size)


def _decoded(frame: _Frame, size: tuple[int, int]) -> Image.Image:
    image = WebPImagePlugin.WebPImageFile(_file(frame.chunks))
    decoded, _ = image._decoder.get_next()
    del image._decoder  # otherwise it keeps two frames
    picture = Image.frombuffer(image.mode, image.size, decoded, "raw", image.rawmode, 0, 1)
    if frame.size == size:
        return picture
    canvas = Image.new("RGBA", size)
    canvas.paste(picture.convert("RGBA"), (frame.left, frame.top))
    return canvas


def _chunks(data: memoryview, most: int = MAX_WEBP_CHUNKS) -> Iterator[_Chunk]:
    """The chunks that are complete, at most so many."""
    at = 0
    for _ in range(most):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > len(data) or at + 8 > len(data):
            return
        yield _Chunk(bytes(data[at : at + 4]), data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2


def _animated(body: memoryview) -> _Frame:
    return _frame(list(_chunks(body[_FRAME_HEADER:])), 2 * _number(body, 0), 2 * _number(body, 3))


def _frame(chunks: list[_Chunk], left: int = 0, top: int = 0) -> _Frame:
    picture = next((chunk for chunk in chunks if chunk.name in _PICTURES), None)
    if picture is None:
        raise damaged("WEBP", "a part of the picture is missing")
    alpha = next((chunk for chunk in chunks if chunk.name == b"ALPH"), None)
    size = _size(picture)
    if alpha is None or picture.name == b"VP8L":
        return _Frame(left, top, size, [picture])
    canvas = b"".join((side - 1).to_bytes(3, "little") for side in size)
    header = _Chunk(b"VP8X", memoryview(bytes((_ALPHA_FLAG, 0, 0, 0)) + canvas))
    return _Frame(left, top, size, [header, alpha, picture])


def _size(picture: _Chunk) -> tuple[int, int]:
    """Width and height by the header of the pixels. Pillow allocates memory for them when it opens a file."""
    body = bytes(picture.body[:10])
    if picture.name == b"VP8L" and body[:1] == b"\x2f":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if picture.name == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        if width and height:
            return width, height
    raise damaged("WEBP", "its header is damaged")


def _file(chunks: list[_Chunk]) -> BytesIO:
    body = b"".join((b"WEBP", *(chunk.whole for chunk in chunks)))
    return BytesIO(b"RIFF" + len(body).to_bytes(4, "little") + body)


def _number(body: memoryview, at: int) -> int:
    return int.from_bytes(body[at : at + 3], "little")
