"""The head is killed under load: workers keep serving, and a new head takes over the running replicas."""

import asyncio

import psutil
import pytest

from tests.chaos.client import statuses
from tests.chaos.cluster.load import Load
from tests.chaos.cluster.ray_service import RayService
from tests.chaos.photos import crops
from tests.chaos.record_checker import RecordChecker

pytestmark = pytest.mark.chaos
CONNECTIONS = 8
HEAD_DOWN_S = 5.0


def pids(service: RayService) -> set[int]:
    """Process ids of all replicas, except those that are still starting."""
    deployments = (service.status() or {}).get("deployments", {}).values()
    replicas = [replica for deployment in deployments for replica in deployment["replicas"]]
    return {replica["pid"] for replica in replicas if replica.get("pid")}


def test_workers_keep_serving_without_a_head(ray_service: RayService, records: RecordChecker) -> None:
    service = ray_service
    service.wait_for(service.is_settled, "a healthy service")
    before = pids(service)

    async def replace_head() -> tuple[Load, float]:
        async with Load(service.workers, crops(300, seed=6), CONNECTIONS) as load:
            await asyncio.sleep(1)
            await asyncio.to_thread(service.head.kill)
            await asyncio.sleep(HEAD_DOWN_S)
            answered = len(load.outcomes)
            started_s = await asyncio.to_thread(service.start)
            settled_s = await asyncio.to_thread(
                service.wait_for, lambda: service.is_settled() and knows_all_replicas(), "a healthy service"
            )
            assert len(load.outcomes) > answered
        return load, started_s + settled_s

    def knows_all_replicas() -> bool:
        """Those that still run; autoscaling may have removed Classifiers."""
        return {pid for pid in before if psutil.pid_exists(pid)} <= pids(service)

    load, recovery_s = asyncio.run(replace_head())
    print(f"recovered {recovery_s:.1f} s after the start of the new head; {load}")
    assert set(statuses(load.outcomes)) == {201}
    assert not load.failed_attempts
    records.check(load.outcomes)
    assert_dead_replicas_are_replaced(service)


def assert_dead_replicas_are_replaced(service: RayService) -> None:
    (preprocessor,) = service.replicas("Preprocessor")
    psutil.Process(preprocessor["pid"]).kill()
    took_s = service.wait_for(
        lambda: {replica["pid"] for replica in service.replicas("Preprocessor")} not in (set(), {preprocessor["pid"]}),
        "a new Preprocessor",
    )
    service.wait_for(service.is_settled, "a healthy service")
    print(f"a killed Preprocessor was replaced after {took_s:.1f} s")
