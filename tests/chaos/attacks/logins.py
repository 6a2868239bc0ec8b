"""Clients that guess passwords.

attack = asyncio.create_task(wrong_logins(host, port, per_second=20, name="alice"))
...
attack.cancel()
statuses = await attack
"""

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.attacks.raw_http import NO_RESPONSE, RawResponse, exchange, head

_PATH: Final = "/auth/token/login/"
_MAX_IN_FLIGHT: Final = 200
"""Further logins are skipped, as they would only wait for each other."""


@dataclass
class _Logins:
    """Logins at one service, from one local address."""

    host: str
    port: int
    source: str | None
    statuses: Counter[int] = field(default_factory=Counter)
    in_flight: int = 0

    async def send(self, username: str, password: str) -> RawResponse:
        body = json.dumps({"username": username, "password": password}).encode()

        async def pieces() -> AsyncIterator[bytes]:
            yield head("POST", _PATH, Content_Type="application/json", Content_Length=len(body), Connection="close")
            yield body

        self.in_flight += 1
        try:
            response = await exchange(self.host, self.port, pieces(), self.source)
        except OSError:
            response = RawResponse(NO_RESPONSE)
        finally:
            self.in_flight -= 1
        self.statuses[response.status] += 1
        return response

    async def send_again(self, username: str, password: str) -> None:
        response = await self.send(username, password)
        if response.status == 429:
            await asyncio.sleep(int(response.headers["retry-after"]))
            await self.send(username, password)


async def wrong_logins(
    host: str,
    port: int,
    *,
    per_second: float,
    name: str | None = None,
    source: str | None = None,
    is_patient: bool = False,
) -> Counter[int]:
    """Send wrong passwords for ``name``, or for random names, without waiting for responses, until cancelled.

    Returns the number of each status. ``source``: the local address that they come from. A patient attacker sends each
    password again once ``Retry-After`` has passed.
    """
    logins, tasks = _Logins(host, port, source), set[asyncio.Task[Any]]()
    loop = asyncio.get_running_loop()
    start = loop.time()
    with contextlib.suppress(asyncio.CancelledError):
        for number in itertools.count():
            await asyncio.sleep(max(0.0, start + number / per_second - loop.time()))
            if logins.in_flight < _MAX_IN_FLIGHT:
                send = logins.send_again if is_patient else logins.send
                task = asyncio.create_task(send(name or f"user{number}", f"wrong password {number}"))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
    for task in list(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return logins.statuses


async def log_in(
    host: str, port: int, username: str, password: str, *, source: str | None = None
) -> tuple[RawResponse, int]:
    """Log in, and after each 429 again when ``Retry-After`` says so.

    Returns the last response and the announced waits in seconds, summed up.
    """
    logins, waited = _Logins(host, port, source), 0
    while (response := await logins.send(username, password)).status == 429:
        wait = int(response.headers["retry-after"])
        await asyncio.sleep(wait)
        waited += wait
    return response, waited
