"""Clients behind a load balancer, which asks the workers for their health and spreads requests over the healthy."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from statistics import median, quantiles
from typing import Any, Self

from tests.chaos.client import Connection, Outcome, statuses
from tests.chaos.cluster.nodes import Node
from tests.chaos.photos import Photo

CHECK_S = 0.5
READY_S = 60.0
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Broken:
    """A try that got no answer, on a connection to this port; the photo was then sent again."""

    port: int
    outcome: Outcome


class Load:
    """Async context manager: so many connections send photos until it is left, each the next once it has an answer.

    Entered once a worker is healthy; TimeoutError after a minute without.
    ``pause_s``: between an answer and the connection's next photo.
    """

    def __init__(
        self, workers: Sequence[Node], photos: Sequence[Photo], connections: int, pause_s: float = 0.0
    ) -> None:
        """``workers`` may come and go."""
        self.outcomes: list[Outcome] = []
        """The answers, of whatever status, as they came."""
        self.broken: list[Broken] = []
        self.ports: list[int] = []
        """Of the healthy workers."""
        self._workers = workers
        self._photos = photos
        self._connections = connections
        self._pause_s = pause_s
        self._is_over = False

    async def __aenter__(self) -> Self:
        photos = cycle(self._photos)
        async with asyncio.timeout(READY_S):
            # A worker's proxy may be slower than the stages, and is healthy only once it knows of them.
            while not self.ports:
                await self._check()
                await asyncio.sleep(0 if self.ports else CHECK_S)
        coroutines: list[Coroutine[Any, Any, None]] = [self._run(number, photos) for number in range(self._connections)]
        self._tasks = [asyncio.create_task(coroutine) for coroutine in [*coroutines, self._keep_checking()]]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_over = True
        await asyncio.gather(*self._tasks)

    async def _keep_checking(self) -> None:
        while not self._is_over:
            await self._check()
            await asyncio.sleep(CHECK_S)

    async def _check(self) -> None:
        healthy = [worker.http_port for worker in self._workers if await _is_healthy(worker.http_port)]
        self.ports = healthy or self.ports  # as a load balancer does that finds none

    async def _run(self, number: int, photos: Iterator[Photo]) -> None:
        connections: dict[int, Connection] = {}
        for photo in photos:
            if self._is_over:
                break
            number += 1
            while not (outcome := await self._try(number, photo, connections)).status:
                number += 1
            self.outcomes.append(outcome)
            await asyncio.sleep(self._pause_s if outcome.status == 201 else PAUSE_S)
        for connection in connections.values():
            connection.drop()

    async def _try(self, number: int, photo: Photo, connections: dict[int, Connection]) -> Outcome:
        for gone in connections.keys() - set(self.ports):
            connections.pop(gone).drop()
        port = self.ports[number % len(self.ports)]
        outcome = await connections.setdefault(port, Connection(port)).post(photo)
        if not outcome.status:
            self.broken.append(Broken(port, outcome))
            await asyncio.sleep(PAUSE_S)
        return outcome

    def __str__(self) -> str:
        seconds = [outcome.seconds for outcome in self.outcomes]
        return (
            f"{statuses(self.outcomes)}, {len(self.broken)} sent again, median {median(seconds):.2f} s, "
            f"p99 {quantiles(seconds, n=100)[98]:.2f} s, longest {max(seconds):.2f} s"
        )


async def _is_healthy(port: int) -> bool:
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /-/healthz HTTP/1.0\r\n\r\n")
            answer = await reader.readline()
            writer.close()
            return b" 200 " in answer
    except (OSError, TimeoutError):
        return False
