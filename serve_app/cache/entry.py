"""Binary encoding of cache entries.

A result consists of a fixed header, the probabilities, the class indices and four UTF-8 strings, all little-endian::

    magic b"RL" · version u8 · 0 u8 · crc32 u32 · width u32 · height u32 · classes u16 · 4 × string length u16 · 0 u16
    probabilities f32 × classes · indices u16 × classes · format · model version · runtime · precision

The checksum includes the key, so a value that was moved to another key, truncated or written by another program is
rejected. Nothing is unpickled.
"""

import hashlib
import struct
import zlib

import numpy as np

from serve_app.types import CachedResult, ImageInfo

_MAGIC = b"RL"
_VERSION = 1
_HEADER = struct.Struct("<2sBxIIIHHHHHxx")
_CHECKED_FROM = 8
_DIGEST = struct.Struct("<2sBxI32s")


class DamagedEntry(ValueError):
    """The bytes are not a valid entry of this key and format version."""


def encode_result(key: str, result: CachedResult) -> bytes:
    """Encode a result, bound to ``key``. Raises ValueError if a field is out of range."""
    strings = [text.encode() for text in _strings(result)]
    classes = len(result.indices)
    if classes != len(result.probabilities):
        raise ValueError("a result needs one probability per index")
    try:
        header = _HEADER.pack(_MAGIC, _VERSION, 0, result.info.width, result.info.height, classes, *map(len, strings))
    except struct.error as error:
        raise ValueError(f"cannot be encoded as a cache entry: {error}") from None
    checked = b"".join(
        (
            header[_CHECKED_FROM:],
            result.probabilities.astype("<f4", copy=False).tobytes(),
            result.indices.astype("<u2", copy=False).tobytes(),
            *strings,
        )
    )
    return b"".join((header[:4], struct.pack("<I", _checksum(key, checked)), checked))


def decode_result(key: str, data: bytes) -> CachedResult:
    """The inverse of :func:`encode_result`; the arrays are read-only views of ``data``. Raises DamagedEntry."""
    if len(data) < _HEADER.size:
        raise DamagedEntry("shorter than a header")
    magic, version, checksum, width, height, classes, *lengths = _HEADER.unpack_from(data)
    if (magic, version) != (_MAGIC, _VERSION):
        raise DamagedEntry("unknown format version")
    if len(data) != _HEADER.size + 6 * classes + sum(lengths) or checksum != _checksum(key, data[_CHECKED_FROM:]):
        raise DamagedEntry("truncated or altered")
    indices_at = _HEADER.size + 4 * classes
    indices = np.frombuffer(data, "<u2", classes, indices_at)
    probabilities = np.frombuffer(data, "<f4", classes, _HEADER.size)
    strings, at = [], indices_at + 2 * classes
    for length in lengths:
        strings.append(data[at : at + length].decode())
        at += length
    image_format, *rest = strings
    return CachedResult(ImageInfo(image_format, width, height), indices, probabilities, *rest)


def encode_digest(key: str, sha256: str) -> bytes:
    """Encode a SHA-256 (64 hex digits), bound to ``key``."""
    digest = bytes.fromhex(sha256)
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError("a SHA-256 has 64 hex digits")
    return _DIGEST.pack(_MAGIC, _VERSION, _checksum(key, digest), digest)


def decode_digest(key: str, data: bytes) -> str:
    """The inverse of :func:`encode_digest`. Raises DamagedEntry."""
    if len(data) != _DIGEST.size:
        raise DamagedEntry("not the size of a digest")
    magic, version, checksum, digest = _DIGEST.unpack(data)
    if (magic, version, checksum) != (_MAGIC, _VERSION, _checksum(key, digest)):
        raise DamagedEntry("unknown format version, or altered")
    return bytes(digest).hex()


def _strings(result: CachedResult) -> tuple[str, ...]:
    return result.info.format, result.model_version, result.runtime, result.precision


def _checksum(key: str, data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(key.encode()))
