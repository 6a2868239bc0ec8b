"""One end of a connection: reads messages and writes them."""

import asyncio
from typing import Final, cast

from serve_app.transport.kind import Kind
from serve_app.transport.messages import HEAD, encode_message, new_body

_SCRATCH_BYTES: Final = 64 << 10
"""Read at once while no body is expected: small messages whole, of large ones the beginning."""


class Connection(asyncio.BufferedProtocol):
    """The rest of a large body is read straight into its memory. Subclasses say what happens with a message."""

    def __init__(self) -> None:
        self._scratch = memoryview(bytearray(_SCRATCH_BYTES))
        self._unread = 0
        """Bytes of an incomplete head at the beginning of the scratch memory."""
        self._body: memoryview | None = None
        self._filled = 0
        self._call = self._kind = self._arrays = 0
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def on_message(self, call: int, kind: Kind, body: memoryview, arrays: int) -> None:
        """A message has arrived; ``decode_message(body, arrays)`` is its content."""
        raise NotImplementedError

    def send(self, call: int, kind: Kind, content: object = None) -> None:
        """Send a message, or nothing if the connection is lost. Raises whatever pickle raises."""
        parts = encode_message(call, kind, content)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.writelines(parts)

    async def sent(self) -> None:
        """Wait until the kernel has all messages, or the connection is lost."""
        await self._writable.wait()

    def close(self) -> None:
        """Close the connection at once, also what is not sent yet."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's has another base class
        transport.set_write_buffer_limits(high=0)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._body = None
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._body is None:
            return self._scratch[self._unread :]
        return self._body[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        if self._body is not None:
            self._filled += nbytes
            self._finish_body()
            return
        data = self._scratch[: self._unread + nbytes]
        while len(data) >= HEAD.size:
            size, self._call, self._kind, self._arrays = HEAD.unpack_from(data)
            self._body, self._filled = new_body(size), min(size, len(data) - HEAD.size)
            end = HEAD.size + self._filled
            self._body[: self._filled] = data[HEAD.size : end]
            data = data[end:]
            self._finish_body()
        self._unread = len(data)
        self._scratch[: self._unread] = data

    def eof_received(self) -> bool:
        return False

    def _finish_body(self) -> None:
        if self._body is not None and self._filled == len(self._body):
            body, self._body = self._body, None
            self.on_message(self._call, Kind(self._kind), body, self._arrays)
