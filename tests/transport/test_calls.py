"""Calls over a real socket: replies, errors, cancellation, lost connections."""

import asyncio
import gc
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serve_app.errors import CorruptImage, Overloaded
from serve_app.transport import peer
from serve_app.transport.client import ReplicaLost, SocketClient, connect_to_replica
from serve_app.transport.kind import Kind
from serve_app.transport.server import SocketServer
from tests.transport.event_loops import in_each_event_loop

BIG = np.ones(4_000_000, np.uint8)
"""More than a socket takes at once."""


class UnpicklableError(Exception):
    def __init__(self, one: object, two: object) -> None:
        super().__init__(f"{one} {two}")


class Stage:
    """Answers calls of the form (what to do, argument), and counts those in progress until their reply is sent."""

    def __init__(self) -> None:
        self.in_progress = 0
        self.cancelled = 0
        self.gates: dict[object, asyncio.Event] = {}

    async def answer(self, content: tuple[str, Any]) -> AsyncGenerator[tuple[Kind, object]]:
        action, argument = content
        self.in_progress += 1
        try:
            if action == "raise":
                raise argument[0](*argument[1:])
            if action == "reject":
                yield Kind.REJECTED, argument
                return
            if action == "wait":
                await self.gates.setdefault(argument, asyncio.Event()).wait()
            yield Kind.RESULT, argument
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.in_progress -= 1


@asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[tuple[SocketClient, Stage, SocketServer]]:
    stage = Stage()
    server = SocketServer(folder / "s", stage.answer)
    await server.start()
    client = await connect_to_replica(server.path)
    await settle()
    yield client, stage, server
    client.close()
    server.close()
    await settle()


async def settle() -> None:
    """Let the loop accept or close connections. A listener that closes in between leaves an open socket."""
    for _ in range(20):
        await asyncio.sleep(0.002)


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - conditions have no event
            await asyncio.sleep(0.001)


@in_each_event_loop
async def test_concurrent_calls_get_their_own_replies(tmp_path: Path) -> None:
    async with connected(tmp_path) as (client, stage, _):
        calls = [client.call(("wait", name)) for name in "abc"]
        await until(lambda: stage.in_progress == 3)
        for name in "cba":
            stage.gates[name].set()
            assert (await calls["abc".index(name)]).content == name
        replies = await asyncio.gather(*(client.call(("echo", (number, BIG[:number]))) for number in (0, 1, 3_000_000)))
        assert [(reply.content[0], len(reply.content[1])) for reply in replies] == [(0, 0), (1, 1), (3_000_000,) * 2]
        assert stage.in_progress == 0


@in_each_event_loop
async def test_a_rejection_is_no_result(tmp_path: Path) -> None:
    async with connected(tmp_path) as (client, _, _):
        assert await client.call(("reject", 5)) == (Kind.REJECTED, 5)


@in_each_event_loop
async def test_errors_arrive_as_they_were_raised(tmp_path: Path) -> None:
    async with connected(tmp_path) as (client, _, _):
        overloaded = (await client.call(("raise", (Overloaded, "too many", 3.0)))).content
        assert (type(overloaded), str(overloaded), overloaded.retry_after) == (Overloaded, "too many", 3.0)
        defect = (await client.call(("raise", (KeyError, "k")))).content
        assert type(defect) is KeyError
        assert "in answer" in defect.__notes__[0], "the traceback, since frames are not sent"
        other = (await client.call(("raise", (UnpicklableError, 1, 2)))).content
        assert type(other) is RuntimeError
        assert "UnpicklableError: 1 2" in str(other)


@in_each_event_loop
async def test_a_result_that_cannot_be_pickled_is_an_error(tmp_path: Path) -> None:
    server = SocketServer(tmp_path / "s", answer_with)
    await server.start()
    client = await connect_to_replica(server.path)
    assert (await client.call(True)).kind is Kind.ERROR
    assert (await client.call(False)) == (Kind.RESULT, 1)
    client.close()
    server.close()
    await settle()


async def answer_with(function: bool) -> AsyncGenerator[tuple[Kind, object]]:
    yield Kind.RESULT, (lambda: None) if function else 1


@in_each_event_loop
async def test_cancelling_the_caller_cancels_the_call(tmp_path: Path) -> None:
    async with connected(tmp_path) as (client, stage, _):
        call, other = client.call(("wait", 1)), client.call(("wait", 2))
        await until(lambda: stage.in_progress == 2)
        call.cancel()
        await until(lambda: stage.in_progress == 1)
        assert stage.cancelled == 1
        stage.gates[2].set()
        assert (await other).content == 2


@in_each_event_loop
async def test_a_broken_connection_ends_all_calls_at_once(tmp_path: Path) -> None:
    async with connected(tmp_path) as (client, stage, server):
        calls = [client.call(("wait", number)) for number in range(3)]
        await until(lambda: stage.in_progress == 3)
        server.close()
        for call in calls:
            kind, error = await call
            assert kind is Kind.ERROR
            assert isinstance(error, ReplicaLost)
            assert isinstance(error, ConnectionError)
        assert not client.is_open
        assert isinstance((await client.call(("echo", 1))).content, ReplicaLost)
        assert not server.path.exists()
        with pytest.raises(FileNotFoundError):
            await connect_to_replica(server.path)


@in_each_event_loop
async def test_the_calls_of_a_dead_caller_are_cancelled(tmp_path: Path) -> None:
    async with connected(tmp_path) as (client, stage, _):
        client.call(("wait", 1))
        await until(lambda: stage.in_progress == 1)
        client.close()
        await until(lambda: stage.in_progress == 0)
        assert stage.cancelled == 1


@in_each_event_loop
async def test_a_call_ends_when_its_reply_is_sent(tmp_path: Path) -> None:
    """A replica that stops waits for its calls; a reply must not be left in its buffers."""
    async with connected(tmp_path) as (_, stage, server):
        client = await connect_to_replica(server.path)
        assert client._transport is not None
        client._transport.pause_reading()
        client.call(("echo", BIG[:100]))
        call = client.call(("echo", BIG))
        await until(lambda: stage.in_progress > 0)
        await asyncio.sleep(0.05)
        assert stage.in_progress == 1
        client._transport.resume_reading()
        assert len((await call).content) == len(BIG)
        await until(lambda: stage.in_progress == 0)
        client.close()


@pytest.mark.parametrize("refusing", ["server", "client"])
@in_each_event_loop
async def test_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusing: str) -> None:
    stage = Stage()
    server = SocketServer(tmp_path / "s", stage.answer)
    await server.start()
    monkeypatch.setattr(f"serve_app.transport.{refusing}.is_own_user", lambda _: False)
    if refusing == "client":
        with pytest.raises(ConnectionRefusedError):
            await connect_to_replica(server.path)
    else:
        client = await connect_to_replica(server.path)
        assert isinstance((await client.call(("echo", 1))).content, ReplicaLost)
    await settle()
    assert stage.in_progress == 0
    server.close()
    await settle()


@in_each_event_loop
async def test_the_kernel_tells_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(tmp_path) as (client, _, _):
        assert client._transport is not None
        assert peer.is_own_user(client._transport)
        own = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: own + 1)
        assert peer.is_own_user(client._transport) == (own == 0)


@pytest.mark.parametrize("action", [("echo", BIG[:50_000]), ("raise", (CorruptImage, "x")), ("raise", (KeyError, "k"))])
@in_each_event_loop
async def test_calls_leave_no_garbage(tmp_path: Path, action: Any) -> None:
    async with connected(tmp_path) as (client, _, _):
        for _ in range(5):
            await client.call(action)
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                await client.call(action)
            assert gc.collect() < 50
        finally:
            gc.enable()
