"""A new version replaces the old one under load: no request fails or waits for a replica to start."""

import asyncio
import copy
from itertools import pairwise

import pytest

from tests.chaos.client import statuses
from tests.chaos.cluster.load import Load
from tests.chaos.cluster.ray_service import Document, RayService
from tests.chaos.photos import crops
from tests.chaos.record_checker import RecordChecker

pytestmark = pytest.mark.chaos
CONNECTIONS = 8
MAX_GAP_S = 6.0
"""Between two responses. Without a surge it would be the start-up time of Ingress and Classifier, 10 s or more."""


def another_version(document: Document) -> Document:
    """With changed arguments Serve rebuilds the application and replaces every replica, as with changed code."""
    changed = copy.deepcopy(document)
    changed["applications"][0]["args"]["classifier"]["runtime"] = "fake"
    return changed


def test_no_request_fails_while_every_replica_is_replaced(ray_service: RayService, records: RecordChecker) -> None:
    ray_service.have_workers(2)  # room for both versions
    ray_service.wait_for(lambda: ray_service.is_settled(Ingress=1, Classifier=1), "a healthy service")
    before = ray_service.replica_ids()

    async def update() -> tuple[Load, float]:
        async with Load(ray_service.workers, crops(300, seed=3), CONNECTIONS) as load:
            await asyncio.sleep(3)
            assert {outcome.document["model"]["runtime"] for outcome in load.outcomes} == {"openvino"}
            await asyncio.to_thread(ray_service.deploy, another_version(ray_service.document))
            took_s = await asyncio.to_thread(ray_service.wait_for, is_replaced, "the update")
            await asyncio.sleep(2)
        return load, took_s

    def is_replaced() -> bool:
        return ray_service.is_settled(Ingress=1, Results=1) and not before & ray_service.replica_ids()

    load, took_s = asyncio.run(update())
    ends = sorted(outcome.ended_at for outcome in load.outcomes)
    gap_s = max(later - earlier for earlier, later in pairwise(ends))
    print(f"replaced in {took_s:.1f} s; {load}; maximum gap {gap_s:.2f} s")
    assert set(statuses(load.outcomes)) == {201}
    assert not load.failed_attempts
    runtimes = [outcome.document["model"]["runtime"] for outcome in load.outcomes]
    assert set(runtimes) == {"openvino", "fake"}
    assert set(runtimes[-CONNECTIONS:]) == {"fake"}
    assert gap_s < MAX_GAP_S
    records.check(load.outcomes)
