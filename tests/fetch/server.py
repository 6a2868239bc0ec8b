"""A small HTTP server on loopback with configurable responses."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.servers.listener import listener

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """``answers`` by path: the raw bytes of a response, or a coroutine that writes one."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    def close_connections(self) -> None:
        """Like a restart."""
        for writer in self.open:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head)
                answer = self.answers[head.split()[1].decode()]
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(writer)
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the end of the client or of the test
        finally:
            self.open.discard(writer)
            writer.close()


Tls = tuple[Server, ssl.SSLContext]
"""A server, and the SSL context of a client that trusts it."""


def respond(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}"]
    lines += [
        f"{name.replace('_', '-')}: {value}" for name, value in ({"Content_Length": str(len(body))} | headers).items()
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def closing(response: bytes) -> Answer:
    """Send the bytes, then close the connection."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()

    return send


def redirect(location: str, status: str = "302 Found") -> bytes:
    return respond(status=status, Location=location)


@asynccontextmanager
async def running(context: ssl.SSLContext | None = None, bound: socket.socket | None = None) -> AsyncIterator[Server]:
    """On a socket that is ``bound``, by default to a free port of 127.0.0.1."""
    bound = bound or listener()
    server = Server(bound.getsockname()[1])
    accepting = await asyncio.start_server(server.serve, sock=bound, ssl=context)
    try:
        yield server
    finally:
        accepting.close()
