"""Decodes run lengths of BMPs. Pillow reads them byte by byte from the file."""

from typing import Final

import numpy as np

from models.arrays import UInt8Array
from serve_app.images.stored_picture import damaged, unsupported

MAX_RUNS: Final = 1_000_000
"""Runs, each of which costs some hundred nanoseconds. A screenshot in full HD has fewer."""


def decode_runs(data: bytes, width: int, height: int, *, half: bool) -> UInt8Array:
    """Palette indices, uint8 (H, W) in the order of the file; skipped pixels are 0. ``half``: 4 bits per pixel.

    :raises CorruptImage: the runs end before the picture.
    :raises UnsupportedImage: there are more than ``MAX_RUNS``.
    """
    picture = bytearray(width * height)
    x = y = at = 0
    for _ in range(MAX_RUNS):
        if at + 2 > len(data):
            if y < height - 1 or (y == height - 1 and x < width):
                raise damaged("BMP", "a part of the picture is missing")
            break
        count, value = data[at], data[at + 1]
        at += 2
        if count == 0 and value == 0:
            x, y = 0, y + 1
        elif count == 0 and value == 1:
            break
        elif count == 0 and value == 2:
            x, y = x + _byte(data, at), y + _byte(data, at + 1)
            at += 2
        else:
            size = count or value
            if count == 0:
                stored = -(-size // 2) if half else size
                pixels = _nibbles(data[at : at + stored]) if half else data[at : at + stored]
                at += stored + stored % 2
            else:
                pixels = (bytes((value >> 4, value & 15)) * -(-size // 2)) if half else bytes((value,)) * size
            if y < height and (fits := min(size, width - x)) > 0:
                begin = y * width + x
                picture[begin : begin + fits] = pixels[:fits].ljust(fits, b"\0")
            x += size
    else:
        raise unsupported(f"BMP with more than {MAX_RUNS:,} runs")
    return np.frombuffer(bytes(picture), np.uint8).reshape(height, width)


def _byte(data: bytes, at: int) -> int:
    return data[at] if at < len(data) else 0


def _nibbles(data: bytes) -> bytes:
    values = bytearray(2 * len(data))
    values[::2] = bytes(value >> 4 for value in data)
    values[1::2] = bytes(value & 15 for value in data)
    return bytes(values)
