"""Connections that remember whether a request reached a live server, and bound what its responses may cost."""

import ssl
from contextvars import ContextVar
from typing import Any

import httpcore

from serve_app.fetch.response_guard import ResponseGuard


class ReusableStream(httpcore.AsyncNetworkStream):
    """A network stream that knows how many requests it has carried."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, in_use: "ContextVar[ReusableStream | None]") -> None:
        """``in_use`` is set to the stream that carries a request of the current task."""
        self._stream = stream
        self._in_use = in_use
        self._requests = 0
        self._received = 1
        """Bytes since the last request. At first not 0, so that the next bytes sent begin a request."""
        self._is_spent = False
        self._guard = ResponseGuard()

    @property
    def is_stale(self) -> bool:
        """Whether no byte has arrived since the last request, which was not the first: the server had closed it."""
        return self._requests > 1 and not self._received

    def check_length(self, expected: int) -> None:
        """Keep the connection only if the last response had as many bytes: others would begin the next response."""
        self._is_spent = self._received != expected

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(self._guard.read_size(max_bytes), timeout)
        self._guard.check(data)
        self._received += len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._received:
            self._requests += 1
            self._received = 0
            self._guard = ResponseGuard()
        self._in_use.set(self)
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        encrypted = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return ReusableStream(encrypted, self._in_use)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's own
        # The pool closes idle connections that have something to read.
        return (info == "is_readable" and self._is_spent) or self._stream.get_extra_info(info)
