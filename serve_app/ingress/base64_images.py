"""Base64 in JSON strings, decoded without blocking the event loop."""

import asyncio
import base64
import binascii
from typing import Final

from serve_app.errors import ImageTooLarge, InvalidParameter

_PIECE: Final = 1 << 20
"""Characters decoded at a time, a multiple of 4: the decoder does not let other threads run."""
_ESCAPES: Final = {
    b"\\/": b"/",  # PHP escapes slashes
    b"\\u002B": b"+",  # .NET escapes these, with upper-case digits
    b"\\u002F": b"/",
    b"\\u003D": b"=",
    b"\\u002b": b"+",
    b"\\u002f": b"/",
    b"\\u003d": b"=",
}
"""No other character of the alphabet needs an escape."""


def encoded_limit(image_bytes: int) -> int:
    """Bytes that a JSON string with an image of this size can have, with all of the escapes that occur in practice."""
    return image_bytes * 3 // 2 + 1024


async def decoded_image(content: bytes | bytearray, max_bytes: int) -> bytes:
    """The image in a JSON string as it was sent, possibly a data URL. Raises ImageTooLarge or InvalidParameter."""
    if len(content) > _PIECE:
        return await asyncio.to_thread(_decoded, content, max_bytes)
    return _decoded(content, max_bytes)


def _decoded(content: bytes | bytearray, max_bytes: int) -> bytes:
    is_cut = len(content) >= encoded_limit(max_bytes)
    if content.startswith(b"data:"):
        content = content[content.find(b",") + 1 :]
    if b"\\" in content:
        for escape, character in _ESCAPES.items():
            content = content.replace(escape, character)
    if len(content) * 3 // 4 > max_bytes + 2 or is_cut:
        raise ImageTooLarge(f"The image is larger than {max_bytes >> 20} MiB.")
    try:
        return b"".join(_decoded_pieces(content))
    except (binascii.Error, ValueError):
        raise InvalidParameter("“image_base64” is not valid Base64 (RFC 4648, section 4).") from None


def _decoded_pieces(content: bytes | bytearray) -> list[bytes]:
    pieces = [content[start : start + _PIECE] for start in range(0, len(content), _PIECE)]
    if any(b"=" in piece for piece in pieces[:-1]):
        raise ValueError("padding before the end")
    return [base64.b64decode(piece, validate=True) for piece in pieces]
