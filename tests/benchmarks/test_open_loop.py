"""The open loop against test servers."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks import open_loop
from benchmarks.arrivals import poisson
from benchmarks.client import read_status, requests_of
from benchmarks.load import Workload
from benchmarks.open_loop import Arrivals

GOAL_MS = 100.0
RATE = 100.0


class _Server:
    """Responds to each request after ``delay_s`` with ``status``, concurrently, and counts requests."""

    def __init__(self, delay_s: float = 0.0, status: int = 200, body: str = "Content-Length: 2\r\n\r\n{}") -> None:
        """``body``: including the header with its length."""
        self.delay_s = delay_s
        self.status = status
        self.body = body
        self.heads: list[bytes] = []
        self.connections = 0
        self.serving: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self.serving.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await self.serve(reader, writer)
        writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
                self.heads.append(head)
                await asyncio.sleep(self.delay_s)
                writer.write(f"HTTP/1.1 {self.status} X\r\n{self.body}".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            return


@asynccontextmanager
async def _running(server: _Server) -> AsyncIterator[int]:
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in server.serving:
            task.cancel()
        await asyncio.gather(*server.serving)


async def _outcome(server: _Server, seconds: float = 0.5, goal_ms: float = GOAL_MS) -> Arrivals:
    async with _running(server) as port:
        with Workload.of("/predict", "image/jpeg", [b"a", b"bc"]) as workload:
            requests = requests_of("127.0.0.1", workload.arguments())
        sender = open_loop._Sender("127.0.0.1", port)
        moments = poisson(RATE, seconds, open_loop.SEED)
        seen = await open_loop._run(sender, moments, requests, goal_ms)
    return Arrivals(**json.loads(seen), rate=RATE, seconds=seconds, client_cores=0)


async def test_all_in_time():
    server = _Server()
    seen = await _outcome(server, goal_ms=20_000)
    assert seen.due == seen.answered == seen.in_time == len(server.heads) > 20
    assert 0 < seen.median_ms <= seen.p99_ms


async def test_chunked_responses():
    """As sent by Ray Serve; the next response on the connection starts after the last chunk."""
    server = _Server(body="Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;name=value\r\n}\r\n0\r\n\r\n")
    seen = await _outcome(server)
    assert seen.due == seen.answered > 20
    assert server.connections < seen.due


async def test_an_incomplete_response_is_not_counted():
    reader = asyncio.StreamReader()
    reader.feed_data(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
    reader.feed_eof()
    with pytest.raises(EOFError):
        await read_status(reader)


async def test_a_response_of_unknown_length_is_an_error():
    with pytest.raises(ValueError, match="without Content-Length"):
        await _outcome(_Server(body="\r\n{}"))


async def test_requests_do_not_wait_for_responses():
    """A closed loop with one connection would send 6 requests in this time. Idle connections are reused."""
    server = _Server(delay_s=0.15)
    seen = await _outcome(server, seconds=1)
    assert seen.answered == seen.due > 20
    assert seen.in_time == 0
    assert seen.median_ms >= 150
    assert 5 < server.connections < seen.due


async def test_refused_requests_are_not_in_time():
    seen = await _outcome(_Server(status=503))
    assert (seen.answered, seen.in_time, seen.refused) == (0, 0, seen.due)
    assert seen.goodput == seen.share == 0


async def test_a_server_that_never_responds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(open_loop, "GRACE_S", 0.1)
    seen = await _outcome(_Server(delay_s=60))
    assert (seen.answered, seen.in_time) == (0, 0)
    assert seen.due > 20


async def test_a_server_that_is_not_running():
    sender = open_loop._Sender("127.0.0.1", 9)
    assert '"answered": 0' in await open_loop._run(sender, [0.0, 0.01], [b"x"], GOAL_MS)


async def test_the_number_of_connections_is_limited(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(open_loop, "MAX_CONNECTIONS", 3)
    monkeypatch.setattr(open_loop, "GRACE_S", 0.1)
    server = _Server(delay_s=60)
    await _outcome(server)
    assert server.connections == 3


def test_running_in_a_separate_process():
    with Workload.of("/", "image/jpeg", [b"a"]) as workload:
        seen = open_loop.run("http://127.0.0.1:9", workload, rate=20, seconds=0.2, goal_ms=GOAL_MS)
    assert seen.due > 0 == seen.answered
    assert seen.client_cores > 0


def test_the_summary():
    found = open_loop.summary([10.0, 250.0, 100.0, 90.0], [0.0, 1.0], due=8, refused=2, goal_ms=100)
    assert found == {
        "due": 8,
        "in_time": 3,
        "answered": 4,
        "refused": 2,
        "median_ms": 100.0,
        "p99_ms": 250.0,
        "lag_ms": 1.0,
    }
