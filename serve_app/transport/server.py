"""The replica's end: listens on a socket and answers calls."""

import asyncio
import contextlib
import pickle
import traceback
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from serve_app.errors import RaylensError
from serve_app.transport.connection import Connection
from serve_app.transport.kind import Kind
from serve_app.transport.messages import decode_message
from serve_app.transport.peer import is_own_user

CallHandler = Callable[[Any], AsyncGenerator[tuple[Kind, object]]]
"""Yields the reply to a call, RESULT or REJECTED, and is resumed once the reply is sent. May raise."""


class SocketServer:
    """Any number of connections, each with any number of concurrent calls."""

    def __init__(self, path: Path, handler: CallHandler) -> None:
        self.path = path
        self._handler = handler
        self._connections: set[_Answering] = set()
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_unix_server(lambda: _Answering(self._handler, self._connections), self.path)

    def close(self) -> None:
        """Stop listening, and cancel what is in progress."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.close()
        self.path.unlink(missing_ok=True)


class _Answering(Connection):
    def __init__(self, handler: CallHandler, connections: "set[_Answering]") -> None:
        super().__init__()
        self._handler = handler
        self._connections = connections
        self._calls: dict[int, asyncio.Task[None]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connections.add(self)
        if not is_own_user(transport):
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone, so nobody waits for the replies."""
        super().connection_lost(exc)
        self._connections.discard(self)
        for task in self._calls.values():
            task.cancel()

    def on_message(self, call: int, kind: Kind, body: memoryview, arrays: int) -> None:
        if kind is not Kind.CALL:
            if call in self._calls:
                self._calls[call].cancel()
            return
        try:
            content = decode_message(body, arrays)
        except Exception as error:
            self._fail(call, error)
            return
        task = self._calls[call] = asyncio.get_running_loop().create_task(self._answer(call, content))
        task.add_done_callback(lambda _: self._calls.pop(call))

    async def _answer(self, call: int, content: object) -> None:
        try:
            async with contextlib.aclosing(self._handler(content)) as replies:
                async for kind, reply in replies:
                    self.send(call, kind, reply)
                    await self.sent()
        except Exception as error:
            self._fail(call, error)

    def _fail(self, call: int, error: Exception) -> None:
        self.send(call, Kind.ERROR, _portable(error))
        error.__traceback__ = error.__context__ = None  # see RaylensError.detached


def _portable(error: Exception) -> Exception:
    """The error, or one that says the same if it cannot be pickled; of a defect with its traceback."""
    if isinstance(error, RaylensError):
        return error
    text = "".join(traceback.format_exception(error)).rstrip()
    with contextlib.suppress(Exception):
        copy: Exception = pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
        copy.add_note(text)
        return copy
    return RuntimeError(text)
