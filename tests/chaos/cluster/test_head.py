"""The head is lost under load: workers serve on, and its successor takes over what runs."""

import asyncio

import psutil
import pytest

from tests.chaos.books import Books
from tests.chaos.client import statuses
from tests.chaos.cluster.load import Load
from tests.chaos.cluster.ray_service import RayService
from tests.chaos.photos import cut

pytestmark = pytest.mark.chaos
CONNECTIONS = 8
AWAY_S = 5.0


def pids(service: RayService) -> set[int]:
    """Of all replicas; one that is starting has none yet."""
    deployments = (service.status() or {}).get("deployments", {}).values()
    replicas = [replica for deployment in deployments for replica in deployment["replicas"]]
    return {replica["pid"] for replica in replicas if replica.get("pid")}


def test_workers_serve_on_without_a_head(ray_service: RayService, books: Books) -> None:
    service = ray_service
    service.wait_for(service.is_settled, "a quiet start")
    before = pids(service)

    async def lose() -> tuple[Load, float]:
        async with Load(service.workers, cut(300, seed=6), CONNECTIONS) as load:
            await asyncio.sleep(1)
            await asyncio.to_thread(service.head.kill)
            await asyncio.sleep(AWAY_S)
            answered = len(load.outcomes)
            started_s = await asyncio.to_thread(service.start)
            settled_s = await asyncio.to_thread(service.wait_for, lambda: service.is_settled() and knows_all(), "order")
            assert len(load.outcomes) > answered
        return load, started_s + settled_s

    def knows_all() -> bool:
        """All that live still; Classifiers may have come and gone with the load."""
        return {pid for pid in before if psutil.pid_exists(pid)} <= pids(service)

    load, back_s = asyncio.run(lose())
    print(f"the head is back {back_s:.1f} s after its start; {load}")
    assert set(statuses(load.outcomes)) == {201}
    assert not load.broken
    books.check(load.outcomes)
    replaces_what_dies(service)


def replaces_what_dies(service: RayService) -> None:
    (preprocessor,) = service.replicas("Preprocessor")
    psutil.Process(preprocessor["pid"]).kill()
    took_s = service.wait_for(
        lambda: {replica["pid"] for replica in service.replicas("Preprocessor")} not in (set(), {preprocessor["pid"]}),
        "a new Preprocessor",
    )
    service.wait_for(service.is_settled, "a quiet end")
    print(f"and replaces what dies: {took_s:.1f} s")
