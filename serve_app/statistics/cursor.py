"""Pagination cursors of the history: opaque to clients and signed."""

import base64
import binascii
import hmac
import struct
from collections.abc import Sequence
from typing import NamedTuple

from serve_app.errors import InvalidParameter

_POSITION = struct.Struct(">q16s")
_SIGNATURE_BYTES = 16


class Position(NamedTuple):
    """The position of the last row of a page."""

    created_us: int
    id: str


def encode_cursor(position: Position, key: bytes) -> str:
    """Encode a position as a URL-safe cursor."""
    packed = _POSITION.pack(position.created_us, bytes.fromhex(position.id))
    return base64.urlsafe_b64encode(packed + _sign(packed, key)).decode().rstrip("=")


def decode_cursor(cursor: str, keys: Sequence[bytes]) -> Position:
    """Decode a cursor. Raises ``InvalidParameter`` if it is not signed with one of the keys."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    packed, signature = raw[: _POSITION.size], raw[_POSITION.size :]
    if len(packed) != _POSITION.size or not any(hmac.compare_digest(signature, _sign(packed, key)) for key in keys):
        raise InvalidParameter("cursor is invalid; pass the next_cursor of the previous page unchanged.")
    created_us, id_ = _POSITION.unpack(packed)
    return Position(created_us, id_.hex())


def _sign(packed: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"history-cursor" + packed, "sha256")[:_SIGNATURE_BYTES]
