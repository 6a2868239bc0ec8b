"""Ctrl-C under load: what was accepted is answered, and nothing is left behind."""

import asyncio
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_service import PHOTOS
from tests.service import Service

pytestmark = pytest.mark.chaos


async def _load(url: str, answers: list[tuple[float, int]], stop: threading.Event) -> None:
    data = PHOTOS[0].read_bytes()

    async def client() -> None:
        async with httpx.AsyncClient(timeout=40) as http:
            while not stop.is_set():
                started = time.monotonic()
                try:
                    status = (await http.post(f"{url}/api/v1/classifications?cache=off", content=data)).status_code
                except httpx.HTTPError:
                    status = 0
                answers.append((started, status))
                if status != 201:
                    await asyncio.sleep(0.2)

    await asyncio.gather(*(client() for _ in range(16)))


def test_stopping_answers_what_is_under_way(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.start()
    answers: list[tuple[float, int]] = []
    stop = threading.Event()
    clients = threading.Thread(target=lambda: asyncio.run(_load(service.url, answers, stop)))
    clients.start()
    time.sleep(2)
    stopped_at = time.monotonic()
    service.stop()
    stop.set()
    clients.join()
    before = [status for started, status in answers if started < stopped_at]
    assert len(before) > 16
    assert set(before) == {201}
    assert {status for _, status in answers} <= {201, 503, 0}
