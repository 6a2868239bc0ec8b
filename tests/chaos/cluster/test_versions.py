"""A new version replaces the old one under load: nobody is turned away, and nobody waits for a start."""

import asyncio
import copy
from itertools import pairwise

import pytest

from tests.chaos.books import Books
from tests.chaos.client import statuses
from tests.chaos.cluster.load import Load
from tests.chaos.cluster.ray_service import Document, RayService
from tests.chaos.photos import cut

pytestmark = pytest.mark.chaos
CONNECTIONS = 8
LONGEST_SILENCE_S = 6.0
"""Between two answers. Without a surge it is the time that an Ingress and a Classifier take to start, 10 s and more."""


def another_version(document: Document) -> Document:
    """Changed arguments build the application anew, so every replica is replaced, as with changed code."""
    changed = copy.deepcopy(document)
    changed["applications"][0]["args"]["classifier"]["runtime"] = "fake"
    return changed


def test_no_request_fails_while_every_replica_is_replaced(ray_service: RayService, books: Books) -> None:
    ray_service.have_workers(2)  # both versions need room
    ray_service.wait_for(lambda: ray_service.is_settled(Ingress=1, Classifier=1), "a quiet start")
    before = ray_service.replica_ids()

    async def update() -> tuple[Load, float]:
        async with Load(ray_service.workers, cut(300, seed=3), CONNECTIONS) as load:
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
    silence_s = max(later - earlier for earlier, later in pairwise(ends))
    print(f"replaced in {took_s:.1f} s; {load}; no answer for {silence_s:.2f} s")
    assert set(statuses(load.outcomes)) == {201}
    assert not load.broken
    runtimes = [outcome.document["model"]["runtime"] for outcome in load.outcomes]
    assert set(runtimes) == {"openvino", "fake"}
    assert set(runtimes[-CONNECTIONS:]) == {"fake"}
    assert silence_s < LONGEST_SILENCE_S
    books.check(load.outcomes)
