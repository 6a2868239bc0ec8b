"""Servers of images that send endlessly or in tiny parts, and a client that asks the service to classify their images.

The service must be allowed to reach them: ``RAYLENS_FETCH_ALLOWED_NETWORKS=127.0.0.0/8``.
"""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import httpx

from tests.chaos.attacks.connections import Target

_OK: Final = b"HTTP/1.1 200 OK\r\n"
_CHUNKED: Final = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_JPEG: Final = b"3\r\n\xff\xd8\xff\r\n"
"""A chunk with which a JPEG begins."""

BEHAVIOURS: Final[dict[str, tuple[bytes, bytes, float]]] = {
    "interim-responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000, 0.0),
    "tiny-chunks": (_CHUNKED + _JPEG, b"1\r\nx\r\n" * 4_000, 0.0),
    "extensions": (_CHUNKED + _JPEG, b"1;" + b"a=b;" * 4_000 + b"\r\nx\r\n", 0.0),
    "headers": (_OK, b"X: y\r\n" * 4_000, 0.0),
    "slow-headers": (_OK + b"X: ", b"y", 0.05),
    "slow-body": (_OK + b"\r\n\xff\xd8\xff", b"y", 0.05),
    "silence": (b"", b"", 3600.0),
}
"""What the server sends at first and then again and again, and the pause in between in seconds."""
_PAUSE_S: Final = 0.2
"""Between a refusal and the next attempt of a client."""


async def classify_from_hostile_servers(
    target: Target, requests: int, counts: Counter[int] | None = None, *, behaviours: Sequence[str] = tuple(BEHAVIOURS)
) -> Counter[int]:
    """Keep so many requests for images of hostile servers in progress until cancelled.

    Returns the number of responses by status; 0 stands for requests without response.
    """
    result = Counter[int]() if counts is None else counts
    async with hostile_server() as port, _client(target, requests) as client:
        urls = itertools.cycle(f"http://127.0.0.1:{port}/{behaviour}" for behaviour in behaviours)
        clients = [asyncio.create_task(_repeat(client, next(urls), result)) for _ in range(requests)]
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*clients)
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    return result


@asynccontextmanager
async def hostile_server() -> AsyncIterator[int]:
    """A server on loopback that behaves as the path of the request says. Yields its port."""
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        head = await reader.readuntil(b"\r\n\r\n")
        start, again, pause_s = BEHAVIOURS[head.split()[1].decode().strip("/").partition("?")[0]]
        writer.write(start)
        ended = asyncio.ensure_future(reader.read())
        ended.add_done_callback(lambda task: task.cancelled() or task.exception())  # such as a reset
        while not ended.done():
            writer.write(again)
            await writer.drain()
            await asyncio.wait([ended], timeout=pause_s)
    writer.transport.abort()


def _client(target: Target, requests: int) -> httpx.AsyncClient:
    host = f"[{target.host}]" if ":" in target.host else target.host
    limits = httpx.Limits(max_connections=requests)
    transport = httpx.AsyncHTTPTransport(local_address=target.source, limits=limits, trust_env=False)
    return httpx.AsyncClient(base_url=f"http://{host}:{target.port}", transport=transport, timeout=60, trust_env=False)


async def _repeat(client: httpx.AsyncClient, url: str, counts: Counter[int]) -> None:
    for number in itertools.count():
        try:
            response = await client.post("/api/v1/classifications", json={"image_url": f"{url}?{number}"})
        except httpx.HTTPError:
            counts[0] += 1
        else:
            counts[response.status_code] += 1
        await asyncio.sleep(_PAUSE_S)
