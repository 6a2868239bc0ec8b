"""The number of replicas follows the load: up, to more than one worker has room for, and down again."""

import asyncio

import pytest

from tests.chaos.client import Outcome, statuses
from tests.chaos.cluster.load import Load
from tests.chaos.cluster.ray_service import RayService
from tests.chaos.photos import crops
from tests.chaos.record_checker import RecordChecker

pytestmark = pytest.mark.chaos
CONNECTIONS = 4


def test_classifiers_and_workers_follow_the_load(ray_service: RayService, records: RecordChecker) -> None:
    """Light load, eight times as much, and light load again."""
    outcomes: list[Outcome] = []

    async def light() -> None:
        async with Load(ray_service.workers, crops(100), CONNECTIONS, pause_s=1.0) as load:
            await wait_for(1)
        report(load)

    async def heavy() -> None:
        async with Load(ray_service.workers, crops(300, seed=2), 8 * CONNECTIONS) as load:
            first_s = await wait_for(2)
            assert nodes() == 1
            await asyncio.to_thread(ray_service.wait_for, is_unplaceable, "a Classifier without a node")
            worker = ray_service.add_worker()  # like Ray's autoscaler
            second_s = await wait_for(3)
            assert nodes() == 2
            await asyncio.to_thread(ray_service.wait_for, lambda: worker.http_port in load.ports, "the worker's proxy")
            await asyncio.sleep(3)
        print(f"two Classifiers after {first_s:.1f} s; a third on a new worker {second_s:.1f} s later")
        assert not load.failed_attempts
        report(load)

    async def wait_for(classifiers: int) -> float:
        return await asyncio.to_thread(
            ray_service.wait_for,
            lambda: len(ray_service.replicas("Classifier")) == classifiers,
            f"{classifiers} Classifiers",
        )

    def nodes() -> int:
        return len({replica["node_id"] for replica in ray_service.replicas("Classifier")})

    def is_unplaceable() -> bool:
        return any(not replica.get("node_id") for replica in ray_service.replicas("Classifier", "STARTING"))

    def report(load: Load) -> None:
        print(load)
        outcomes.extend(load.outcomes)

    async def run() -> None:
        await light()
        await heavy()
        await light()

    asyncio.run(run())
    assert set(statuses(outcomes)) == {201}
    records.check(outcomes)
