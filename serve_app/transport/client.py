"""The caller's end: sends calls to one replica and hands out the replies."""

import asyncio
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from serve_app.transport.connection import Connection
from serve_app.transport.kind import Kind
from serve_app.transport.messages import decode_message
from serve_app.transport.peer import is_own_user


class Reply(NamedTuple):
    """The end of a call. ``content``: the result, or for an ERROR the exception."""

    kind: Kind
    content: Any


class ReplicaLost(ConnectionError):
    """The connection broke while a call was in progress; usually the replica died."""


class SocketClient(Connection):
    """A connection to one replica with any number of concurrent calls."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count()
        self._replies: dict[int, asyncio.Future[Reply]] = {}

    def call(self, content: object) -> asyncio.Future[Reply]:
        """Send a call. Its reply is never an exception; to cancel it cancels the call. Raises whatever pickle raises.

        A call that is lost with its connection gets the error ReplicaLost.
        """
        number = next(self._numbers)
        self.send(number, Kind.CALL, content)
        reply = asyncio.get_running_loop().create_future()
        if not self.is_open:
            reply.set_result(_lost())
            return reply
        self._replies[number] = reply
        reply.add_done_callback(partial(self._forget, number))
        return reply

    def on_message(self, call: int, kind: Kind, body: memoryview, arrays: int) -> None:
        reply = self._replies.get(call)
        if reply is None or reply.done():
            return
        try:
            content = decode_message(body, arrays)
        except Exception as error:
            kind, content = Kind.ERROR, error
        reply.set_result(Reply(kind, content))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if not is_own_user(transport):
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for reply in self._replies.values():
            if not reply.done():
                reply.set_result(_lost())

    def _forget(self, number: int, reply: asyncio.Future[Reply]) -> None:
        del self._replies[number]
        if reply.cancelled():
            self.send(number, Kind.CANCEL)


async def connect_to_replica(path: Path | str) -> SocketClient:
    """Raises OSError, also if another user listens there."""
    _, client = await asyncio.get_running_loop().create_unix_connection(SocketClient, str(path))
    if not client.is_open:
        raise ConnectionRefusedError(f"another user listens at {path}")
    return client


def _lost() -> Reply:
    return Reply(Kind.ERROR, ReplicaLost("The connection to the replica broke."))
