"""Replicas follow the load: up, beyond what one worker holds, and down again."""

import asyncio

import pytest

from tests.chaos.books import Books
from tests.chaos.client import Outcome, statuses
from tests.chaos.cluster.load import Load
from tests.chaos.cluster.ray_service import RayService
from tests.chaos.photos import cut

pytestmark = pytest.mark.chaos
CONNECTIONS = 4


def test_classifiers_and_a_worker_come_with_the_load_and_go_with_it(ray_service: RayService, books: Books) -> None:
    """One times the load, eight times, and one again."""
    outcomes: list[Outcome] = []

    async def light() -> None:
        async with Load(ray_service.workers, cut(100), CONNECTIONS, pause_s=1.0) as load:
            await wait_for(1)
        tell(load)

    async def heavy() -> None:
        async with Load(ray_service.workers, cut(300, seed=2), 8 * CONNECTIONS) as load:
            first_s = await wait_for(2)
            assert nodes() == 1
            await asyncio.to_thread(ray_service.wait_for, is_unplaceable, "a Classifier that fits nowhere")
            worker = ray_service.add_worker()  # as Ray's autoscaler does then
            second_s = await wait_for(3)
            assert nodes() == 2
            await asyncio.to_thread(ray_service.wait_for, lambda: worker.http_port in load.ports, "the worker's proxy")
            await asyncio.sleep(3)
        print(
            f"two Classifiers after {first_s:.1f} s; a third, and its worker, {second_s:.1f} s after it was asked for"
        )
        assert not load.broken
        tell(load)

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

    def tell(load: Load) -> None:
        print(load)
        outcomes.extend(load.outcomes)

    async def steps() -> None:
        await light()
        await heavy()
        await light()

    asyncio.run(steps())
    assert set(statuses(outcomes)) == {201}
    books.check(outcomes)
