"""Clients that send images which take long to decode, as many at a time as they like.

Runs until its task is cancelled, and then returns what it has counted.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import cache
from io import BytesIO
from itertools import cycle
from typing import Any, Final

from PIL import Image

from tests.chaos.attacks.connections import AttackCounts, Target
from tests.chaos.client import PATH

CONNECTIONS: Final = 64
SIDE: Final = 8000
_PAUSE_S: Final = 0.05
"""After a failed connection."""


@cache
def progressive_jpeg(scans: int = 100) -> bytes:
    """64 megapixels in 250 KB, and so many scans, each of which goes through all of them."""
    whole = _encoded("L", "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * (scans - whole.count(b"\xff\xda")) + whole[-2:]


@cache
def expensive_images() -> tuple[bytes, ...]:
    """64 megapixels in every format, in few bytes; the JPEG has as many scans as are allowed."""
    return (
        progressive_jpeg(),
        progressive_jpeg(20),
        _encoded("RGB", "WEBP", quality=1, method=0),
        _encoded("RGB", "AVIF", speed=10),
        _encoded("RGBA", "PNG", compress_level=1),
        _encoded("P", "GIF"),
        _encoded("RGB", "TIFF", compression="lzma"),
        _encoded("RGBA", "TIFF", compression="tiff_adobe_deflate"),
    )


def _encoded(mode: str, file_format: str, **options: Any) -> bytes:
    file = BytesIO()
    Image.new(mode, (SIDE, SIDE)).save(file, file_format, **options)
    return file.getvalue()


async def slow_decodes(
    target: Target,
    connections: int = CONNECTIONS,
    counts: AttackCounts | None = None,
    *,
    images: Callable[[], Sequence[bytes]] = lambda: [progressive_jpeg()],
) -> AttackCounts:
    """Send the images in turn on each connection, the next one as soon as the response arrives."""
    counts = counts or AttackCounts()
    bodies = await asyncio.to_thread(images)
    clients = [
        asyncio.create_task(_send_forever(target, [*bodies[at % len(bodies) :], *bodies[: at % len(bodies)]], counts))
        for at in range(connections)
    ]
    try:
        await asyncio.gather(*clients)
    except asyncio.CancelledError:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    return counts


async def _send_forever(target: Target, bodies: Sequence[bytes], counts: AttackCounts) -> None:
    local = (target.source, 0) if target.source else None
    bodies_in_turn = cycle(bodies)
    while True:
        try:
            reader, writer = await asyncio.open_connection(target.host, target.port, local_addr=local)
        except OSError:
            counts.failed += 1
            await asyncio.sleep(_PAUSE_S)
            continue
        counts.opened += 1
        counts.open += 1
        counts.most_open = max(counts.most_open, counts.open)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    await _send(reader, writer, target, next(bodies_in_turn), counts)
            counts.closed += 1
        finally:
            counts.open -= 1
            writer.close()


async def _send(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target, body: bytes, counts: AttackCounts
) -> None:
    head = f"POST {PATH}?cache=off HTTP/1.1\r\nHost: {target.host}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    headers = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = next(line for line in headers.split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))
    counts.statuses[int(headers.split()[1])] += 1
