"""Attacks with request bodies.

Each function attacks HOST:PORT, from the local address ``source`` if it is given. It runs until its task is cancelled,
and then returns how often each status was received.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable

from tests.chaos.attacks.raw_http import chunked, exchange, head, repeat

IMAGES = "/api/v1/classifications"
_PIECE = 64 << 10
MIB = 1 << 20


async def stalled_uploads(
    host: str,
    port: int,
    *,
    connections: int = 5,
    size: int = 128 * MIB,
    missing: int = MIB,
    path: str = IMAGES,
    source: str | None = None,
) -> Counter[int]:
    """Uploads of ``size`` bytes of JSON that stop before the last ``missing`` bytes."""

    async def upload() -> AsyncIterator[bytes]:
        yield head("POST", path, Content_Type="application/json", Content_Length=size)
        yield b'{"images": [{"image_base64": "'
        for _ in range((size - missing) // _PIECE):
            yield b"A" * _PIECE
        await asyncio.Event().wait()

    return await _repeat(host, port, connections, upload, source)


async def dripping_uploads(
    host: str,
    port: int,
    *,
    connections: int = 50,
    size: int = MIB,
    interval_s: float = 1.0,
    path: str = IMAGES,
    source: str | None = None,
) -> Counter[int]:
    """Uploads that never stop, but bring one byte at a time."""

    async def upload() -> AsyncIterator[bytes]:
        yield head("POST", path, Content_Type="image/jpeg", Content_Length=size)
        for _ in range(size):
            yield b"\xff"
            await asyncio.sleep(interval_s)

    return await _repeat(host, port, connections, upload, source)


async def json_amplification(
    host: str,
    port: int,
    *,
    connections: int = 4,
    size: int = 120 * MIB,
    element: bytes = b"[],",
    path: str = IMAGES,
    source: str | None = None,
) -> Counter[int]:
    """JSON of many small elements, which take thirty times their size when parsed."""
    piece = element * (_PIECE // len(element))

    async def upload() -> AsyncIterator[bytes]:
        yield head("POST", path, Content_Type="application/json", Transfer_Encoding="chunked")
        yield chunked(b'{"x":[')
        for _ in range(size // len(piece)):
            yield chunked(piece)
        yield chunked(b"0]}") + b"0\r\n\r\n"

    return await _repeat(host, port, connections, upload, source)


async def endless_multipart(
    host: str,
    port: int,
    *,
    connections: int = 4,
    filler: bytes = b"\r\n",
    path: str = IMAGES,
    source: str | None = None,
) -> Counter[int]:
    """A multipart body whose first part never begins."""

    async def upload() -> AsyncIterator[bytes]:
        yield head("POST", path, Content_Type="multipart/form-data; boundary=x", Transfer_Encoding="chunked")
        for _ in itertools.repeat(None):
            yield chunked(filler * (_PIECE // len(filler)))

    return await _repeat(host, port, connections, upload, source)


async def unwanted_bodies(
    host: str,
    port: int,
    *,
    connections: int = 4,
    method: str = "DELETE",
    path: str = IMAGES,
    source: str | None = None,
) -> Counter[int]:
    """Endless bodies for routes that reject the request, or need no body."""

    async def upload() -> AsyncIterator[bytes]:
        yield head(method, path, Content_Type="application/json", Transfer_Encoding="chunked")
        for _ in itertools.repeat(None):
            yield chunked(b" " * _PIECE)

    return await _repeat(host, port, connections, upload, source)


async def _repeat(
    host: str, port: int, connections: int, upload: Callable[[], AsyncIterator[bytes]], source: str | None
) -> Counter[int]:
    async def once() -> int:
        return (await exchange(host, port, upload(), source)).status

    return await repeat(connections, once)
