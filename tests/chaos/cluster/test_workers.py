"""Workers are lost under load: one without a word, one as pods end."""

import asyncio
import copy

import pytest

from tests.chaos.books import Books
from tests.chaos.client import statuses
from tests.chaos.cluster.load import Load
from tests.chaos.cluster.nodes import Node
from tests.chaos.cluster.ray_service import Document, RayService
from tests.chaos.photos import cut

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


def is_settled_without(service: RayService, gone: set[str]) -> bool:
    return service.is_settled(**TWO) and not gone & service.replica_ids()


@pytest.fixture
def doubled_service(ray_service: RayService) -> RayService:
    """Two workers, with replicas on both."""
    ray_service.have_workers(2)
    if not ray_service.is_settled(**TWO):
        ray_service.deploy(doubled(ray_service.document))
        ray_service.wait_for(lambda: ray_service.is_settled(**TWO), "two replicas each")
    return ray_service


def test_what_a_lost_worker_had_in_work_is_done_elsewhere(doubled_service: RayService, books: Books) -> None:
    service = doubled_service

    async def lose() -> tuple[Load, Node, float]:
        async with Load(service.workers, cut(300, seed=4), CONNECTIONS) as load:
            await asyncio.to_thread(service.wait_for, lambda: len(load.ports) == 2, "a proxy on both workers")
            await asyncio.sleep(2)
            lost = service.workers[0]
            gone = service.replica_ids(lost)
            assert gone
            await asyncio.to_thread(lost.kill)
            service.workers.remove(lost)
            service.add_worker()  # as KubeRay does
            back_s = await asyncio.to_thread(
                service.wait_for, lambda: is_settled_without(service, gone), "all replicas again"
            )
            await asyncio.sleep(2)
        return load, lost, back_s

    load, lost, back_s = asyncio.run(lose())
    print(f"all replicas again {back_s:.1f} s after a worker was lost; {load}")
    assert set(statuses(load.outcomes)) == {201}
    assert {broken.port for broken in load.broken} <= {lost.http_port}, "only its own connections broke"
    assert len(load.broken) <= 2 * CONNECTIONS
    books.check(load.outcomes, unanswered_at_most=CONNECTIONS)


def test_nobody_notices_a_worker_that_is_told_to_go(doubled_service: RayService, books: Books) -> None:
    service = doubled_service

    async def drain() -> tuple[Load, float]:
        async with Load(service.workers, cut(300, seed=5), CONNECTIONS) as load:
            await asyncio.sleep(2)
            goes = serving(service, load)[0]
            gone = service.replica_ids(goes)
            assert gone
            service.add_worker()
            took_s = await asyncio.to_thread(goes.terminate, GRACE_S)
            service.workers.remove(goes)
            await asyncio.to_thread(
                service.wait_for, lambda: is_settled_without(service, gone), "all replicas elsewhere"
            )
            await asyncio.sleep(2)
        return load, took_s

    load, took_s = asyncio.run(drain())
    print(f"drained and gone in {took_s:.1f} s; {load}")
    assert set(statuses(load.outcomes)) == {201}
    assert not load.broken
    books.check(load.outcomes)
