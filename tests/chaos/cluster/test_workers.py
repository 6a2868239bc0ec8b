"""Workers are lost under load: one is killed, one is terminated like a pod."""

import asyncio
import copy

import pytest

from tests.chaos.client import statuses
from tests.chaos.cluster.load import Load
from tests.chaos.cluster.nodes import Node
from tests.chaos.cluster.ray_service import Document, RayService
from tests.chaos.photos import crops
from tests.chaos.record_checker import RecordChecker

pytestmark = pytest.mark.chaos
CONNECTIONS = 16
TWO = {"Ingress": 2, "Classifier": 2, "Results": 2}
GRACE_S = 90.0
"""``terminationGracePeriodSeconds`` of the chart."""


def doubled(document: Document) -> Document:
    changed = copy.deepcopy(document)
    for deployment in changed["applications"][0]["deployments"]:
        if deployment["name"] in {"Ingress", "Classifier"}:
            deployment["autoscaling_config"] |= {"min_replicas": 2, "max_replicas": 2}
        elif deployment["name"] == "Results":
            deployment["num_replicas"] = 2
    return changed


def serving(service: RayService, load: Load) -> list[Node]:
    return [worker for worker in service.workers if worker.http_port in load.ports]


def is_settled_without(service: RayService, lost: set[str]) -> bool:
    return service.is_settled(**TWO) and not lost & service.replica_ids()


@pytest.fixture
def doubled_service(ray_service: RayService) -> RayService:
    """Two workers, with replicas on both."""
    ray_service.have_workers(2)
    if not ray_service.is_settled(**TWO):
        ray_service.deploy(doubled(ray_service.document))
        ray_service.wait_for(lambda: ray_service.is_settled(**TWO), "two replicas each")
    return ray_service


def test_requests_of_a_killed_worker_are_completed_by_others(
    doubled_service: RayService, records: RecordChecker
) -> None:
    service = doubled_service

    async def kill_worker() -> tuple[Load, Node, float]:
        async with Load(service.workers, crops(300, seed=4), CONNECTIONS) as load:
            await asyncio.to_thread(service.wait_for, lambda: len(load.ports) == 2, "a proxy on both workers")
            await asyncio.sleep(2)
            lost = service.workers[0]
            replicas = service.replica_ids(lost)
            assert replicas
            await asyncio.to_thread(lost.kill)
            service.workers.remove(lost)
            service.add_worker()  # like KubeRay
            recovery_s = await asyncio.to_thread(
                service.wait_for, lambda: is_settled_without(service, replicas), "all replicas on other workers"
            )
            await asyncio.sleep(2)
        return load, lost, recovery_s

    load, lost, recovery_s = asyncio.run(kill_worker())
    print(f"all replicas restored {recovery_s:.1f} s after a worker was killed; {load}")
    assert set(statuses(load.outcomes)) == {201}
    assert {attempt.port for attempt in load.failed_attempts} <= {lost.http_port}, "only its own connections failed"
    assert len(load.failed_attempts) <= 2 * CONNECTIONS
    records.check(load.outcomes, unanswered_at_most=CONNECTIONS)


def test_terminating_a_worker_is_not_noticed_by_clients(doubled_service: RayService, records: RecordChecker) -> None:
    service = doubled_service

    async def drain() -> tuple[Load, float]:
        async with Load(service.workers, crops(300, seed=5), CONNECTIONS) as load:
            await asyncio.sleep(2)
            worker = serving(service, load)[0]
            replicas = service.replica_ids(worker)
            assert replicas
            service.add_worker()
            took_s = await asyncio.to_thread(worker.terminate, GRACE_S)
            service.workers.remove(worker)
            await asyncio.to_thread(
                service.wait_for, lambda: is_settled_without(service, replicas), "all replicas on other workers"
            )
            await asyncio.sleep(2)
        return load, took_s

    load, took_s = asyncio.run(drain())
    print(f"drained and terminated in {took_s:.1f} s; {load}")
    assert set(statuses(load.outcomes)) == {201}
    assert not load.failed_attempts
    records.check(load.outcomes)
