"""Decodes compressed bodies, which servers may send although the request excludes them."""

import zlib
from collections.abc import Callable, Sequence
from typing import Final

from serve_app.errors import FetchFailed

_UNSUPPORTED: Final = frozenset(("br", "zstd", "compress", "x-compress", "dcb", "dcz"))
_MAX_CODINGS: Final = 4
_MAX_MEMBERS: Final = 4_096
"""Members of a gzip body; bgzip writes one for each 64 KiB."""
_PIECE: Final = 64 << 10
_GZIP, _ZLIB, _RAW = 31, 15, -15
"""Formats of zlib (``wbits``)."""


def codings_of(header: str) -> list[str]:
    """The codings of ``Content-Encoding`` that change the body, in the order in which they were applied.

    Servers also send ``none``, ``utf-8``, ``binary`` and the like.
    """
    listed = (coding.strip().lower().removeprefix("x-") for coding in header.split(","))
    return [coding for coding in listed if coding in _DECODERS or coding in _UNSUPPORTED]


def decode_body(body: bytes, codings: Sequence[str], limit: int) -> bytes:
    """The decoded body; if it is longer than ``limit`` bytes, one byte more of it than that.

    :raises FetchFailed: a coding is not supported, or the body is damaged. The message continues the server's name.
    """
    if len(codings) > _MAX_CODINGS:
        raise FetchFailed(f"sent the image compressed more than {_MAX_CODINGS} times.")
    for coding in reversed(codings):
        if coding not in _DECODERS:
            raise FetchFailed(f"sent the image compressed ({coding}) although it was asked not to.")
        try:
            body = _DECODERS[coding](body, limit + 1)
        except zlib.error:
            raise FetchFailed(f"sent a damaged body ({coding}).") from None
    return body


def _gunzip(body: bytes, limit: int) -> bytes:
    """A body may consist of several members.

    It is fed in pieces, because zlib copies what follows a member: the rest of the body for each tiny member.
    """
    found = bytearray()
    member, members = zlib.decompressobj(_GZIP), 1
    for start in range(0, len(body), _PIECE):
        piece = body[start : start + _PIECE]
        while piece and len(found) < limit:
            if member.eof:
                piece = piece.lstrip(b"\0")
                if not piece:
                    break
                member, members = zlib.decompressobj(_GZIP), members + 1
                if members > _MAX_MEMBERS:
                    raise zlib.error
            found += member.decompress(piece, limit - len(found))
            piece = member.unused_data or member.unconsumed_tail
    if body and not member.eof and len(found) < limit:
        raise zlib.error
    return bytes(found)


def _inflate(body: bytes, limit: int) -> bytes:
    """``deflate`` is the format of zlib, but some servers omit its header."""
    try:
        return _decompress(body, limit, _ZLIB)
    except zlib.error:
        return _decompress(body, limit, _RAW)


def _decompress(body: bytes, limit: int, wbits: int) -> bytes:
    stream = zlib.decompressobj(wbits)
    found = stream.decompress(body, limit)
    if not stream.eof and not stream.unconsumed_tail:
        raise zlib.error
    return found


_DECODERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {"gzip": _gunzip, "deflate": _inflate}
