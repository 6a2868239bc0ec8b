"""Where a page of the history ends: opaque to the client, signed so that nobody makes up one."""

import base64
import binascii
import hmac
import struct
from collections.abc import Sequence
from typing import NamedTuple

from serve_app.errors import InvalidParameter

POSITION = struct.Struct(">q16s")
SIGNATURE_BYTES = 16


class Position(NamedTuple):
    """The last row of a page."""

    created_us: int
    id: str


def encode(position: Position, key: bytes) -> str:
    """The cursor of a position, URL-safe."""
    packed = POSITION.pack(position.created_us, bytes.fromhex(position.id))
    return base64.urlsafe_b64encode(packed + _sign(packed, key)).decode().rstrip("=")


def decode(cursor: str, keys: Sequence[bytes]) -> Position:
    """The position of a cursor. ``InvalidParameter`` where it was not made here, with one of the keys."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    packed, signature = raw[: POSITION.size], raw[POSITION.size :]
    if len(packed) != POSITION.size or not any(hmac.compare_digest(signature, _sign(packed, key)) for key in keys):
        raise InvalidParameter("cursor: not one of ours; take it unchanged from the page before")
    created_us, id_ = POSITION.unpack(packed)
    return Position(created_us, id_.hex())


def _sign(packed: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"history-cursor" + packed, "sha256")[:SIGNATURE_BYTES]
