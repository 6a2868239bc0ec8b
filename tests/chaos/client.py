"""A lean HTTP/1.1 client: it shares two cores with the service it loads, and may leave at any moment."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from tests.chaos.photos import Photo

PATH = "/api/v1/classifications"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request. ``status`` 0: the connection broke before an answer was there."""

    photo: Photo
    status: int
    started_at: float
    """Of the monotonic clock, seconds."""
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
    """One keep-alive connection, opened when it is needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drop()

    def drop(self) -> None:
        """Hang up, whatever is under way."""
        if self._streams:
            self._streams[1].close()
            self._streams = None

    async def post(self, photo: Photo, query: str = "cache=off", timeout_s: float = 30.0) -> Outcome:
        """Send a photo once; a broken connection is an outcome, not an error, and nothing is tried again here."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(timeout_s + 5.0):
                status, headers, body = await self._exchange(photo, query, timeout_s)
        except (OSError, EOFError, TimeoutError) as error:
            self.drop()
            return Outcome(photo, 0, started, time.monotonic() - started, {}, repr(error).encode())
        return Outcome(photo, status, started, time.monotonic() - started, headers, body)

    async def _exchange(self, photo: Photo, query: str, timeout_s: float) -> tuple[int, dict[str, str], bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(
            f"POST {PATH}?{query} HTTP/1.1\r\nHost: raylens\r\nContent-Type: image/jpeg\r\n"
            f"X-Request-Timeout: {timeout_s:g}\r\nContent-Length: {len(photo.data)}\r\n\r\n".encode()
            + photo.data
        )
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close" or "content-length" not in headers:
            self.drop()
        return int(first.split()[1]), headers, body


async def closed_loop(
    port: int,
    photos: Iterable[Photo],
    connections: int,
    *,
    query: str = "cache=off",
    timeout_s: float = 30.0,
    heard: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Every photo once; each connection sends its next when the last is answered. ``heard`` gets each outcome."""
    waiting = iter(photos)
    outcomes: list[Outcome] = []

    async def run() -> None:
        async with Connection(port) as connection:
            for photo in waiting:
                outcome = await connection.post(photo, query, timeout_s)
                outcomes.append(outcome)
                heard(outcome)
                if outcome.status != 201:
                    await asyncio.sleep(0.05)  # a client that hammers a closed port measures nothing

    await asyncio.gather(*(run() for _ in range(connections)))
    return outcomes


def statuses(outcomes: Iterable[Outcome]) -> dict[int, int]:
    """Outcomes by status, for comparison and for the message of an assertion."""
    return dict(Counter(outcome.status for outcome in outcomes))
