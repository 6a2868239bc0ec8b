"""A minimal HTTP/1.1 client. It uses little CPU time, which it shares with the service, and can disconnect any time."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from statistics import median, quantiles
from typing import Any, Protocol, Self

from tests.chaos.photos import Photo, crops

PATH = "/api/v1/classifications"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one request. ``status`` is 0 if the connection failed before the response was complete."""

    photo: Photo
    status: int
    started_at: float
    """Monotonic clock, seconds."""
    seconds: float
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def ended_at(self) -> float:
        return self.started_at + self.seconds


class Connection:
    """One keep-alive connection, opened by the first request."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect, even if a request is in progress."""
        if self._streams:
            self._streams[1].close()
            self._streams = None

    async def post(self, photo: Photo, query: str = "cache=off", timeout_s: float = 30.0) -> Outcome:
        """Send a photo once, without retries. A failed connection is an outcome, not an exception."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(timeout_s + 5.0):
                status, headers, body = await self._exchange(photo, query, timeout_s)
        except (OSError, EOFError, TimeoutError) as error:
            self.close()
            return Outcome(photo, 0, started, time.monotonic() - started, {}, repr(error).encode())
        return Outcome(photo, status, started, time.monotonic() - started, headers, body)

    async def _exchange(self, photo: Photo, query: str, timeout_s: float) -> tuple[int, dict[str, str], bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(
            f"POST {PATH}?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
            f"X-Request-Timeout: {timeout_s:g}\r\nContent-Length: {len(photo.data)}\r\n\r\n".encode()
            + photo.data
        )
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close" or "content-length" not in headers:
            self.close()
        return int(first.split()[1]), headers, body


async def closed_loop(
    port: int,
    photos: Iterable[Photo],
    connections: int,
    *,
    query: str = "cache=off",
    timeout_s: float = 30.0,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Send each photo once; a connection sends its next photo when it has the response to the previous one."""
    waiting = iter(photos)
    outcomes: list[Outcome] = []

    async def run() -> None:
        async with Connection(port) as connection:
            for photo in waiting:
                outcome = await connection.post(photo, query, timeout_s)
                outcomes.append(outcome)
                on_outcome(outcome)
                if outcome.status != 201:
                    await asyncio.sleep(0.05)  # do not spin on a closed port

    await asyncio.gather(*(run() for _ in range(connections)))
    return outcomes


async def single_client(port: int, duration_s: float, pause_s: float) -> list[Outcome]:
    """One request at a time, with pauses."""
    photo, outcomes, end = crops(1)[0], [], time.monotonic() + duration_s
    while time.monotonic() < end:
        async with Connection(port) as connection:
            outcomes.append(await connection.post(photo))
        await asyncio.sleep(pause_s)
    return outcomes


class Event(Protocol):
    """``asyncio.Event`` or ``threading.Event``."""

    def is_set(self) -> bool: ...


def repeat_until(done: Event, photos: Sequence[Photo]) -> Iterator[Photo]:
    """The photos, again and again until the event is set."""
    for photo in cycle(photos):
        if done.is_set():
            return
        yield photo


def statuses(outcomes: Iterable[Outcome]) -> dict[int, int]:
    """Number of outcomes by status."""
    return dict(Counter(outcome.status for outcome in outcomes))


def p99(outcomes: Iterable[Outcome]) -> float:
    """99th percentile of the latency, seconds."""
    return quantiles((outcome.seconds for outcome in outcomes), n=100)[98]


def summary(outcomes: Sequence[Outcome]) -> str:
    """Statuses and latencies in one line."""
    seconds = [outcome.seconds for outcome in outcomes]
    return (
        f"{statuses(outcomes)}, median {median(seconds):.2f} s, p99 {p99(outcomes):.2f} s, maximum {max(seconds):.2f} s"
    )
