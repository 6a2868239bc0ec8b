"""Decodes BMPs, which differ in more ways than Pillow knows: headers of 12 to 124 bytes, any masks, run lengths."""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.arrays import UInt8Array
from serve_app.images.bmp_header import RGB, RLE4, RLE8, BmpHeader
from serve_app.images.bmp_runs import decode_runs
from serve_app.images.colour import conversion_bytes
from serve_app.images.stored_picture import StoredPicture, image_bytes

_COPIES: Final = 2
"""Copies of the pixels."""

_INDEX_BYTES: Final = 5
"""Arrays of indices, and the picture with a palette."""

_MASKED_BYTES: Final = 32
"""Arrays of numbers and of channels. Such pixels have at least two bytes in the file, so there are few."""

_RAW_MODES: Final = {24: ("RGB", "BGR"), 32: ("RGB", "BGRX")}
"""Mode and raw mode of pixels that Pillow unpacks."""


def open_bmp(data: bytes) -> StoredPicture:
    """:raises CorruptImage, UnsupportedImage: by the header."""
    header = BmpHeader.of(data)

    def load() -> Image.Image:
        if header.bits <= 8:
            return _with_palette(header, _indices(header, data))
        if header.compression == RGB and header.bits in _RAW_MODES:
            mode, raw_mode = _RAW_MODES[header.bits]
            step = 1 if header.top_down else -1
            return Image.frombuffer(mode, header.size, header.pixels(data), "raw", raw_mode, header.stride, step)
        return _with_masks(header, _rows(header, data))

    return StoredPicture.of(header.size, 1, _decoded_bytes(header, data), load)


def _decoded_bytes(header: BmpHeader, data: bytes) -> int:
    pixels = header.size[0] * header.size[1]
    copies = _COPIES * len(data)
    if header.bits <= 8:
        return copies + _INDEX_BYTES * pixels + conversion_bytes("P", header.size)
    if header.compression == RGB and header.bits in _RAW_MODES:
        return copies + image_bytes("RGB", header.size)
    return copies + _MASKED_BYTES * pixels


def _rows(header: BmpHeader, data: bytes) -> UInt8Array:
    """uint8 (H, stride) from the top."""
    rows = np.frombuffer(header.pixels(data), np.uint8).reshape(header.size[1], header.stride)
    return rows if header.top_down else rows[::-1]


def _indices(header: BmpHeader, data: bytes) -> UInt8Array:
    """uint8 (H, W) of the palette indices."""
    width, height = header.size
    if header.compression in (RLE4, RLE8):
        indices = decode_runs(data[header.offset :], width, height, half=header.compression == RLE4)
        return indices if header.top_down else indices[::-1]
    rows = _rows(header, data)
    if header.bits == 8:
        return rows[:, :width]
    shifts = np.arange(8 - header.bits, -1, -header.bits, dtype=np.uint8)
    values: UInt8Array = (rows[:, : -(-width * header.bits // 8), None] >> shifts) & (2**header.bits - 1)
    return values.reshape(height, -1)[:, :width]


def _with_palette(header: BmpHeader, indices: UInt8Array) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(indices))
    image.putpalette(header.palette.ljust(3 * 256, b"\0"), "RGB")
    return image


def _with_masks(header: BmpHeader, rows: UInt8Array) -> Image.Image:
    """RGB or RGBA of pixels of 16, 24 or 32 bits, channel by channel."""
    width, size = header.size[0], header.bits // 8
    pixels = rows[:, : width * size].reshape(len(rows), width, size)
    padded = np.zeros((*pixels.shape[:2], 4), np.uint8)
    padded[..., :size] = pixels
    values = padded.view("<u4")[..., 0]
    channels = [_scaled(values, mask) for mask in header.masks if mask]
    if len(channels) == 4 and not channels[3].any():
        channels.pop()  # nobody meant the whole picture to be transparent
    return Image.fromarray(np.stack(channels, axis=2))


def _scaled(values: npt.NDArray[np.uint32], mask: int) -> UInt8Array:
    """The bits of the mask, which are contiguous, as 0 to 255."""
    shift = (mask & -mask).bit_length() - 1
    white = mask >> shift
    bits = (values & np.uint32(mask)) >> np.uint32(shift)
    if white >= 255:
        return np.asarray(bits >> np.uint32(white.bit_length() - 8), np.uint8)
    levels = (np.arange(white + 1) * 255 // white).astype(np.uint8)
    return np.asarray(levels[bits])
