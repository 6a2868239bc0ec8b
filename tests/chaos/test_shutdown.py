"""Ctrl-C under load: accepted requests are answered, and no process remains."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.chaos.client import Outcome, closed_loop, repeat_until, statuses
from tests.chaos.photos import crops
from tests.service import Service

pytestmark = pytest.mark.chaos


def test_requests_in_flight_are_completed_before_the_service_stops(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.start()

    async def stop_under_load() -> tuple[list[Outcome], float]:
        done = asyncio.Event()
        load = asyncio.create_task(closed_loop(service.port, repeat_until(done, crops(20)), 16))
        await asyncio.sleep(2)
        stopped_at = time.monotonic()
        await asyncio.to_thread(service.stop)
        done.set()
        return await load, stopped_at

    outcomes, stopped_at = asyncio.run(stop_under_load())
    before = [outcome for outcome in outcomes if outcome.started_at < stopped_at]
    assert len(before) > 16
    assert set(statuses(before)) == {201}
    assert set(statuses(outcomes)) <= {201, 503, 0}
    assert not (tmp_path / "data" / "raylens.db-wal").exists(), "SQLite deletes it with the last connection"
