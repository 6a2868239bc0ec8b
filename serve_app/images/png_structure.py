"""Reads the chunks of a PNG, and keeps those that its pixels need.

Text, profiles and animations never reach the decoder: they may be damaged, or of any size.
"""

import zlib
from typing import Final, NamedTuple

from serve_app.errors import CorruptImage
from serve_app.images.stored_picture import damaged, unsupported

MAX_CHUNKS: Final = 20_000
"""A PNG of 20 MiB in chunks of 4 KiB has 5,000."""

MAX_TEXT: Final = 2**20
"""Decompressed bytes of a text chunk with EXIF or XMP."""

MAX_TEXTS: Final = 8
"""Text chunks that are searched for EXIF or XMP."""

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
END: Final = b"\0\0\0\0IEND\xaeB`\x82"

_HEADER_BYTES: Final = 13
_PALETTE_BYTES: Final = 3 * 256
_PALETTE: Final = 3
_KEY_BYTES: Final = {0: 2, 2: 6}
"""Bytes of the transparent colour of grey and RGB."""

_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Left, top, step right and step down of the passes of an interlaced picture."""

_EXIF_KEYWORD: Final = b"Raw profile type exif"
_XMP_KEYWORD: Final = b"XML:com.adobe.xmp"
_TEXTS: Final = frozenset((b"tEXt", b"zTXt", b"iTXt"))


class _Chunk(NamedTuple):
    name: bytes
    body: memoryview
    whole: memoryview
    """With length, name and checksum."""

    @property
    def is_sound(self) -> bool:
        return zlib.crc32(self.whole[4:-4]) == int.from_bytes(self.whole[-4:], "big")

    @property
    def is_cut(self) -> bool:
        """Whether the file ends within the chunk; its pixels are checked when they are decoded."""
        return len(self.whole) < 12 + int.from_bytes(self.whole[:4], "big")


class PngStructure:
    """The parts of a PNG that matter.

    :raises CorruptImage: a part is missing or damaged.
    :raises UnsupportedImage: a variant that is not decoded, by name.
    """

    def __init__(self, data: bytes) -> None:
        self._pixels: list[_Chunk] = []
        self._palette = b""
        self._transparency = b""
        self.exif = b""
        self.xmp = b""
        self._header = b""
        self._texts = 0
        for chunk in self._chunks(memoryview(data)):
            self._read(chunk)
        if not self._header or not self._pixels:
            raise damaged("PNG", "it has no pixels")

    @property
    def bits(self) -> int:
        return self._header[8]

    @property
    def is_interlaced(self) -> bool:
        return bool(self._header[12])

    @property
    def stream(self) -> bytes:
        """The zlib stream of the pixels."""
        return b"".join(chunk.body for chunk in self._pixels)

    @property
    def stream_size(self) -> int:
        """Decompressed bytes of the pixels, with the filter byte of each row."""
        width, height = (int.from_bytes(self._header[at : at + 4], "big") for at in (0, 4))
        bits, size = _CHANNELS.get(self._header[9], 1) * self.bits, 0
        for left, top, right, down in _PASSES if self.is_interlaced else ((0, 0, 1, 1),):
            columns, rows = -(-(width - left) // right), -(-(height - top) // down)
            size += max(rows, 0) * (-(-columns * bits // 8) + 1) if columns > 0 else 0
        return size

    def file(self, stream: bytes | None = None) -> bytes:
        """A PNG of these parts only, with another ``stream`` if given."""
        parts = [SIGNATURE, _chunk(b"IHDR", self._header)]
        if self._header[9] == _PALETTE:
            # Indices beyond a short palette are black, as in other programs.
            parts.append(_chunk(b"PLTE", self._palette.ljust(_PALETTE_BYTES, b"\0")[:_PALETTE_BYTES]))
        if self._transparency:
            parts.append(_chunk(b"tRNS", self._transparency))
        pixels = [chunk.whole for chunk in self._pixels] if stream is None else [_chunk(b"IDAT", stream)]
        return b"".join([*parts, *pixels, END])

    @staticmethod
    def _chunks(data: memoryview) -> list[_Chunk]:
        chunks: list[_Chunk] = []
        at = len(SIGNATURE)
        while at + 8 <= len(data):
            if len(chunks) == MAX_CHUNKS:
                raise CorruptImage(f"The PNG has more than {MAX_CHUNKS:,} chunks. Saving it again may help.")
            end = at + 12 + int.from_bytes(data[at : at + 4], "big")
            chunk = _Chunk(bytes(data[at + 4 : at + 8]), data[at + 8 : end - 4], data[at:end])
            chunks.append(chunk)
            at = end
            if chunk.name == b"IEND":
                break
        return chunks

    def _read(self, chunk: _Chunk) -> None:
        if not self._header:
            self._read_header(chunk)
        elif chunk.name == b"IDAT":
            self._check(chunk)
            self._pixels.append(chunk)
        elif chunk.name == b"PLTE":
            self._check(chunk)
            self._palette = bytes(chunk.body)
        elif chunk.name == b"tRNS" and chunk.is_sound and not self._pixels:
            colour, key = self._header[9], bytes(chunk.body)
            if colour == _PALETTE or len(key) == _KEY_BYTES.get(colour):
                self._transparency = key[:256]
        elif chunk.name == b"eXIf" and not self.exif and chunk.is_sound:
            self.exif = bytes(chunk.body)
        elif chunk.name in _TEXTS:
            self._read_text(chunk)
        elif not chunk.name[0] & 0x20 and chunk.name not in (b"IEND", b"IHDR"):
            raise unsupported(f"PNG with the critical chunk {chunk.name!r}")

    def _read_header(self, chunk: _Chunk) -> None:
        if chunk.name == b"CgBI":
            raise unsupported("PNG in Apple's variant for iOS (CgBI)")
        if chunk.name != b"IHDR" or len(chunk.body) != _HEADER_BYTES or not chunk.is_sound:
            raise damaged("PNG", "its header is damaged")
        self._header = bytes(chunk.body)

    @staticmethod
    def _check(chunk: _Chunk) -> None:
        if not chunk.is_sound and not chunk.is_cut:
            raise damaged("PNG", f"the checksum of a chunk {chunk.name.decode()} is wrong")

    def _read_text(self, chunk: _Chunk) -> None:
        keyword, _, rest = bytes(chunk.body[: MAX_TEXT + 100]).partition(b"\0")
        if keyword not in (_EXIF_KEYWORD, _XMP_KEYWORD) or self._texts == MAX_TEXTS or not chunk.is_sound:
            return
        self._texts += 1
        compressed, text = chunk.name == b"zTXt", rest
        if chunk.name == b"zTXt":
            text = rest[1:]
        elif chunk.name == b"iTXt":
            compressed, text = rest[:1] == b"\1", rest[2:].partition(b"\0")[2].partition(b"\0")[2]
        try:
            text = zlib.decompressobj().decompress(text, MAX_TEXT) if compressed else text
            if keyword == _XMP_KEYWORD:
                self.xmp = text
            else:
                self._read_profile(text)
        except (zlib.error, ValueError):
            return

    def _read_profile(self, text: bytes) -> None:
        """EXIF in hexadecimal digits, as ImageMagick writes it: a name, the length and the digits, line by line."""
        profile = bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
        self.exif = self.exif or profile.removeprefix(b"Exif\0\0")


def _chunk(name: bytes, body: bytes) -> bytes:
    return b"".join((len(body).to_bytes(4, "big"), name, body, zlib.crc32(name + body).to_bytes(4, "big")))
