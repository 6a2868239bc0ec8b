"""Reads the headers of BMPs, of Windows and OS/2."""

from typing import Final, NamedTuple

from serve_app.images.stored_picture import damaged, unsupported

RGB: Final = 0
RLE8: Final = 1
RLE4: Final = 2
BITFIELDS: Final = 3
_JPEG: Final = 4
_PNG: Final = 5
_ALPHA_BITFIELDS: Final = 6

_FILE_HEADER: Final = 14
_CORE: Final = 12
"""Size of the header of OS/2 1, with dimensions of 16 bits and palette entries of 3 bytes."""

_INFO: Final = 40
_OS2: Final = 64
_SIZES: Final = frozenset((_CORE, 52, 56, 108, 124, *range(16, _OS2 + 1, 4)))

_DEPTHS: Final = {
    RGB: (1, 2, 4, 8, 16, 24, 32),
    RLE8: (8,),
    RLE4: (4,),
    BITFIELDS: (16, 24, 32),
    _ALPHA_BITFIELDS: (16, 24, 32),
}
_VARIANTS: Final = {_JPEG: "BMP with an embedded JPEG", _PNG: "BMP with an embedded PNG"}
_OS2_VARIANTS: Final = {3: "BMP with Huffman compression", 4: "BMP with RLE24 compression"}

_MASKS: Final = {16: (0x7C00, 0x3E0, 0x1F), 24: (0xFF0000, 0xFF00, 0xFF), 32: (0xFF0000, 0xFF00, 0xFF)}


class BmpHeader(NamedTuple):
    """What the pixels of a BMP mean.

    ``palette`` has 3 bytes per color. ``masks`` are of red, green, blue and, if it is used, alpha.
    """

    size: tuple[int, int]
    top_down: bool
    bits: int
    compression: int
    offset: int
    palette: bytes
    masks: tuple[int, ...]

    @classmethod
    def of(cls, data: bytes) -> "BmpHeader":
        """:raises CorruptImage, UnsupportedImage: the header is damaged or of an unknown variant."""
        length = _number(data, _FILE_HEADER)
        if length not in _SIZES:
            raise unsupported(f"BMP with a header of {length} bytes")
        header = data[_FILE_HEADER : _FILE_HEADER + length]
        if len(header) < length:
            raise damaged("BMP", "its header is incomplete")
        width, height, bits = _dimensions(header)
        compression = _number(header, 16) if length > 16 else RGB
        _check_variant(length, bits, compression)
        if width <= 0 or height == 0:
            raise damaged("BMP", "its width or height is 0")
        masks = _masks(data, header, bits, compression)
        end = _FILE_HEADER + length + (4 * len(masks) if length == _INFO and compression > RLE4 else 0)
        offset = _number(data, 10)
        palette = _palette(data, header, bits, (end, offset)) if bits <= 8 else b""
        if offset < end:
            offset = end + (3 if length == _CORE else 4) * (len(palette) // 3)
        return cls((width, abs(height)), height < 0, bits, compression, offset, palette, masks)

    @property
    def stride(self) -> int:
        """Bytes per row, a multiple of 4."""
        return (self.size[0] * self.bits + 31) // 32 * 4

    def pixels(self, data: bytes) -> bytes:
        """All uncompressed rows. The padding of the last one may be missing.

        :raises CorruptImage: other bytes are missing.
        """
        used, whole = -(-self.size[0] * self.bits // 8), self.stride * self.size[1]
        found = data[self.offset : self.offset + whole]
        if len(found) < whole - self.stride + used:
            raise damaged("BMP", "a part of the picture is missing")
        return found.ljust(whole, b"\0")


def _number(data: bytes, at: int, size: int = 4, *, signed: bool = False) -> int:
    return int.from_bytes(data[at : at + size], "little", signed=signed)


def _dimensions(header: bytes) -> tuple[int, int, int]:
    """Width, height and bits per pixel."""
    if len(header) == _CORE:
        return _number(header, 4, 2), _number(header, 6, 2), _number(header, 10, 2)
    return _number(header, 4, signed=True), _number(header, 8, signed=True), _number(header, 14, 2)


def _check_variant(length: int, bits: int, compression: int) -> None:
    is_os2 = length not in (_INFO, 52, 56, 108, 124)
    if is_os2 and compression in _OS2_VARIANTS:
        raise unsupported(_OS2_VARIANTS[compression])
    if compression not in _DEPTHS:
        raise unsupported(_VARIANTS.get(compression, f"BMP with compression {compression}"))
    if bits not in _DEPTHS[compression]:
        raise unsupported(f"BMP with {bits} bits per pixel and compression {compression}")


def _masks(data: bytes, header: bytes, bits: int, compression: int) -> tuple[int, ...]:
    if bits <= 8:
        return ()
    if compression == RGB:
        return _MASKS[bits]
    number = 4 if compression == _ALPHA_BITFIELDS or len(header) >= 56 else 3
    found = tuple(_number(data, _FILE_HEADER + _INFO + 4 * channel) & (2**bits - 1) for channel in range(number))
    masks = found if any(found) else _MASKS[bits]
    if any("01" in f"{mask:b}" for mask in masks):
        raise unsupported("BMP with color masks of separated bits")
    if not all(masks[:3]):
        raise unsupported("BMP with an empty color mask")
    return masks


def _palette(data: bytes, header: bytes, bits: int, place: tuple[int, int]) -> bytes:
    """The colors of the palette, RGB. ``place`` is its start and that of the pixels, which may come too early."""
    start, end = place
    entry = 3 if len(header) == _CORE else 4
    colours = (_number(header, 32) if len(header) >= 36 else 0) or 2**bits
    number = min(colours, 256, (end - start) // entry if end > start else 256)
    table = data[start : start + entry * number]
    table = table[: len(table) // entry * entry]
    rgb = bytearray(len(table) // entry * 3)
    for channel in range(3):
        rgb[channel::3] = table[2 - channel :: entry]
    return bytes(rgb)
