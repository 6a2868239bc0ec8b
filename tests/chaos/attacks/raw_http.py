"""HTTP over plain connections: what a hostile client sends, no library would."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

NO_RESPONSE = 0
"""In counts of statuses: the connection was closed or refused."""
_RETRY_S = 0.1

Exchange = Callable[[], Awaitable[int]]
"""One request; returns its status."""


@dataclass(frozen=True)
class RawResponse:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_closed: bool = False
    """Whether the server closed the connection after the response."""


def head(method: str, path: str, **headers: str | int) -> bytes:
    """A request head; underscores in names become hyphens."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@contextlib.asynccontextmanager
async def connection(
    host: str, port: int, source: str | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """``source``: the local address that it comes from."""
    reader, writer = await asyncio.open_connection(host, port, local_addr=(source, 0) if source else None)
    try:
        yield reader, writer
    finally:
        writer.close()


async def send_all(writer: asyncio.StreamWriter, pieces: AsyncIterable[bytes]) -> None:
    """Ends when all is sent or the server closes the connection."""
    with contextlib.suppress(OSError):
        async for piece in pieces:
            writer.write(piece)
            await writer.drain()


async def exchange(host: str, port: int, pieces: AsyncIterable[bytes], source: str | None = None) -> RawResponse:
    """Send the pieces on a new connection, and receive the response at the same time."""
    async with connection(host, port, source) as (reader, writer):
        sending = asyncio.create_task(send_all(writer, pieces))
        try:
            return await response(reader)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def response(reader: asyncio.StreamReader) -> RawResponse:
    """The response; informational ones are skipped. Its status is NO_RESPONSE if the connection is lost."""
    try:
        while True:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            status = int(first.split(" ")[1])
            fields = (line.partition(":") for line in lines)
            headers = {name.lower(): value.strip() for name, _, value in fields if name}
            if status >= 200:
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                return RawResponse(
                    status, headers, body, headers.get("connection") == "close" and await _is_closed(reader)
                )
    except (OSError, asyncio.IncompleteReadError, ValueError):
        return RawResponse(NO_RESPONSE)


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return not await reader.read(1)
    except OSError:
        return True


async def repeat(connections: int, send: Exchange) -> Counter[int]:
    """Repeat the request on this many connections until the task is cancelled. Returns the number of each status."""
    statuses = Counter[int]()

    async def client() -> None:
        while True:
            try:
                statuses[await send()] += 1
            except OSError:
                statuses[NO_RESPONSE] += 1
                await asyncio.sleep(_RETRY_S)

    clients = [asyncio.create_task(client()) for _ in range(connections)]
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*clients)
    for task in clients:
        task.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    return statuses
