"""Decodes PNGs."""

import zlib
from io import BytesIO
from typing import Final

from PIL import Image, PngImagePlugin

from serve_app.images.colour import conversion_bytes, scale_colour_key
from serve_app.images.orientation import orientation_in
from serve_app.images.png_structure import PngStructure
from serve_app.images.stored_picture import StoredPicture, damaged, image_bytes

_PIECE: Final = 2**20
_DEFLATE: Final = b"\x78\x01"

_COPIES: Final = 5
"""Copies of the file while its checksum is repaired."""

_MARK: Final = 123
_MARKS: Final = {"1": 255, "LA": (12, 34), "RGB": (12, 34, 56), "RGBA": (12, 34, 56, 78), "I;16": 12345}
"""By mode: the last pixel before decoding. If a stream ends early, Pillow is content and leaves the rest as it was."""


def open_png(data: bytes) -> StoredPicture:
    """:raises CorruptImage, UnsupportedImage: by the chunks."""
    structure = PngStructure(data)
    image = _opened(structure)

    def load() -> Image.Image:
        image.im = Image.new(image.mode, image.size).im
        mark = _MARKS.get(image.mode, _MARK)
        last = (image.width - 1, image.height - 1)
        image.im.putpixel(last, mark)
        try:
            image.load()
        except OSError:
            image.close()  # frees its pixels
            repaired = _opened(structure, _with_checksum(structure.stream, structure.stream_size))
            repaired.load()
            return repaired
        if structure.is_interlaced or image.im.getpixel(last) == mark:
            _with_checksum(structure.stream, structure.stream_size)
        return image

    converted = conversion_bytes(image.mode, image.size, transparent="transparency" in image.info)
    decoded_bytes = image_bytes(image.mode, image.size) + converted + _COPIES * len(data)
    return StoredPicture.of(image.size, orientation_in(structure.exif, structure.xmp), decoded_bytes, load)


def _opened(structure: PngStructure, stream: bytes | None = None) -> PngImagePlugin.PngImageFile:
    image = PngImagePlugin.PngImageFile(BytesIO(structure.file(stream)))
    scale_colour_key(image, structure.bits)
    return image


def _with_checksum(stream: bytes, size: int) -> bytes:
    """A zlib stream of the same data with the right header and checksum: they protect the pixels but are none.

    :raises CorruptImage: the data has not ``size`` bytes.
    """
    inflater, at, found, checksum = zlib.decompressobj(-zlib.MAX_WBITS), len(_DEFLATE), 0, 1
    try:
        while not inflater.eof and found <= size and at < len(stream):
            rest = stream[at : at + _PIECE]
            at += len(rest)
            while rest and not inflater.eof and found <= size:
                piece = inflater.decompress(rest, _PIECE)
                rest, found, checksum = inflater.unconsumed_tail, found + len(piece), zlib.adler32(piece, checksum)
    except zlib.error as error:
        raise damaged("PNG", "its pixels cannot be decompressed") from error
    if found != size:
        raise damaged("PNG", "a part of its pixels is missing")
    end = at - len(inflater.unused_data)
    return b"".join((_DEFLATE, memoryview(stream)[len(_DEFLATE) : end], checksum.to_bytes(4, "big")))
