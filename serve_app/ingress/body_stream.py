"""The body of a request between the HTTP server and the application.

Ray's replica moves a body into an unbounded queue as fast as it arrives, whether or not the application wants it. So
Ray only gets to know when the client disconnects, and the application takes the body from the server itself: a body
that it does not want remains with the client, and no client is asked to continue (``Expect: 100-continue``) in vain.

A server must not close a connection while the client still sends, or the client may miss the response (RFC 9112,
section 9.6), but it must not read for ever either: the rest is discarded for a while, then the connection is closed.
Clients that send much in vain get their responses later, and meanwhile they cannot send.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.config import LimitArguments
from serve_app.ingress.discard_rate import REQUEST_BYTES, DiscardRate
from serve_app.ingress.http_protocol import DISCARD_S

_SMALL_BYTES: Final = 256 << 10
"""A body of this size arrives soon, so that the response need not wait and the client can keep its connection."""
_MAX_QUEUED_BYTES: Final = LimitArguments().body_bytes
_SCOPE_STREAM: Final = "raylens.body_stream"
_DISCONNECT: Final[Message] = {"type": "http.disconnect"}

ClientOf = Callable[[Scope], str]
"""Who a request counts for."""

_application: tuple[asyncio.AbstractEventLoop, ClientOf] | None = None


def set_application(application: tuple[asyncio.AbstractEventLoop, ClientOf] | None) -> None:
    """Set the event loop of the application; the ingress replica in this process does so. Ray's proxy has none."""
    global _application  # noqa: PLW0603 - Serve creates the middleware; a replica has its own process
    _application = application


def body_source(scope: Scope, receive: Receive) -> Receive:
    """What the application shall receive from; ``receive`` is what it was given."""
    stream: BodyStream | None = scope.get(_SCOPE_STREAM)
    return stream.receive if stream else receive


class BodyStreamMiddleware:
    """ASGI middleware next to the HTTP server."""

    def __init__(self, app: ASGIApp, discard_s: float = DISCARD_S) -> None:
        self._app = app
        self._discard_s = discard_s
        self._rate = DiscardRate(time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = _declared_bytes(scope)
        if declared == 0:
            await self._app(scope, receive, send)
            return
        loop, client_of = _application or (None, _peer)
        stream = BodyStream(declared, receive, send, lambda count: self._rate.pause(client_of(scope), count))
        if loop is asyncio.get_running_loop():
            scope[_SCOPE_STREAM] = stream
            await self._app(scope, stream.receive_disconnect, stream.send)
        else:
            await self._app(scope, stream.receive_all, stream.send)
        await stream.finish(self._discard_s)
        scope.pop(_SCOPE_STREAM, None)


class BodyStream:
    """The body of one request and the end of its response."""

    def __init__(
        self, declared: int | None, receive: Receive, send: Send, discarding: Callable[[int], Awaitable[None]]
    ) -> None:
        """``declared``: bytes of the body; None if its end is only known when it arrives.

        ``discarding``: waits, depending on how many bytes the client has sent in vain.
        """
        self._is_small = declared is not None and declared <= _SMALL_BYTES
        self._receive = receive
        self._send = send
        self._discarding = discarding
        self._received = 0
        self._is_read = asyncio.Event()
        self._is_disconnected = asyncio.Event()
        self._passes = False
        """Whether the response passes at once."""
        self._end: Message | None = None

    async def receive(self) -> Message:
        """For the application."""
        if self._is_read.is_set():
            await self._is_disconnected.wait()
            return _DISCONNECT
        return self._observed(await self._receive())

    async def receive_all(self) -> Message:
        """For Ray's own proxy, whose queue is the only one."""
        if self._received > _MAX_QUEUED_BYTES:
            return _DISCONNECT
        return self._observed(await self._receive())

    async def receive_disconnect(self) -> Message:
        """For Ray; waits until the body is read, because only then the server notices that the client is gone."""
        await self._is_read.wait()
        while not self._is_disconnected.is_set():
            self._observed(await self._receive())
        return _DISCONNECT

    async def send(self, message: Message) -> None:
        """Holds the end of the response back while the body is unread, unless that is small.

        Of that, the HTTP server discards the rest; see :class:`serve_app.ingress.http_protocol.HttpProtocol`.
        """
        if self._is_read.is_set() or self._passes:
            await self._send(message)
        elif message["type"] == "http.response.start":
            if self._is_small and message["status"] != HTTPStatus.REQUEST_TIMEOUT:
                self._passes = True
                await self._send(message)
                return
            await self._discarding(REQUEST_BYTES)
            headers = [*message.get("headers", ()), (b"connection", b"close")]
            await self._send({**message, "headers": headers})
        elif message.get("more_body"):
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            self._end = {"type": "http.response.body", "body": b""}

    async def finish(self, discard_s: float) -> None:
        """Discard the rest of the body and end the response, so that the server closes the connection."""
        if self._end is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(discard_s):
                while not self._is_read.is_set():
                    message = self._observed(await self._receive())
                    await self._discarding(len(message.get("body", b"")))
        await self._send(self._end)

    def _observed(self, message: Message) -> Message:
        if message["type"] == "http.disconnect":
            self._is_disconnected.set()
            self._is_read.set()
            return message
        self._received += len(message.get("body", b""))
        if not message.get("more_body"):
            self._is_read.set()
        return message


def _peer(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else ""


def _declared_bytes(scope: Scope) -> int | None:
    """The declared bytes of the body; None if the length is unknown."""
    declared: int | None = 0
    for name, value in scope["headers"]:
        if name == b"content-length":
            declared = None if declared is None or not value.isdigit() else int(value[:20])
        elif name == b"transfer-encoding":
            declared = None
    return declared
