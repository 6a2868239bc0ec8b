"""Clients behind a load balancer that checks the workers and distributes requests among the healthy ones."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Self

from tests.chaos.client import Connection, Outcome, summary
from tests.chaos.cluster.nodes import Node
from tests.chaos.photos import Photo

CHECK_S = 0.5
READY_S = 60.0
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """A request without a response, on a connection to this port. The photo was sent again."""

    port: int
    outcome: Outcome


class Load:
    """Closed loop of ``connections`` that send photos until the context manager exits.

    Entering waits for a healthy worker and raises TimeoutError after a minute.
    ``pause_s``: between a response and the next photo of the connection.
    """

    def __init__(
        self, workers: Sequence[Node], photos: Sequence[Photo], connections: int, pause_s: float = 0.0
    ) -> None:
        """``workers`` may change during the load."""
        self.outcomes: list[Outcome] = []
        """Responses with any status, in order of arrival."""
        self.failed_attempts: list[FailedAttempt] = []
        self.ports: list[int] = []
        """HTTP ports of the healthy workers."""
        self._workers = workers
        self._photos = photos
        self._connections = connections
        self._pause_s = pause_s
        self._is_done = False

    async def __aenter__(self) -> Self:
        photos = cycle(self._photos)
        async with asyncio.timeout(READY_S):
            # A worker's proxy may start after the stages, and is healthy only when it knows their addresses.
            while not self.ports:
                await self._check()
                await asyncio.sleep(0 if self.ports else CHECK_S)
        coroutines: list[Coroutine[Any, Any, None]] = [self._run(number, photos) for number in range(self._connections)]
        self._tasks = [asyncio.create_task(coroutine) for coroutine in [*coroutines, self._keep_checking()]]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_done = True
        await asyncio.gather(*self._tasks)

    async def _keep_checking(self) -> None:
        while not self._is_done:
            await self._check()
            await asyncio.sleep(CHECK_S)

    async def _check(self) -> None:
        healthy = [worker.http_port for worker in self._workers if await _is_healthy(worker.http_port)]
        self.ports = healthy or self.ports  # like a load balancer that finds no healthy target

    async def _run(self, number: int, photos: Iterator[Photo]) -> None:
        connections: dict[int, Connection] = {}
        for photo in photos:
            if self._is_done:
                break
            number += 1
            while not (outcome := await self._attempt(number, photo, connections)).status:
                number += 1
            self.outcomes.append(outcome)
            await asyncio.sleep(self._pause_s if outcome.status == 201 else PAUSE_S)
        for connection in connections.values():
            connection.close()

    async def _attempt(self, number: int, photo: Photo, connections: dict[int, Connection]) -> Outcome:
        for unhealthy in connections.keys() - set(self.ports):
            connections.pop(unhealthy).close()
        port = self.ports[number % len(self.ports)]
        outcome = await connections.setdefault(port, Connection(port)).post(photo)
        if not outcome.status:
            self.failed_attempts.append(FailedAttempt(port, outcome))
            await asyncio.sleep(PAUSE_S)
        return outcome

    def __str__(self) -> str:
        return f"{summary(self.outcomes)}, {len(self.failed_attempts)} failed attempts"


async def _is_healthy(port: int) -> bool:
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /-/healthz HTTP/1.0\r\n\r\n")
            status_line = await reader.readline()
            writer.close()
            return b" 200 " in status_line
    except (OSError, TimeoutError):
        return False
