"""Many clients leave at random moments; those that stay must not notice."""

import asyncio
import random
import time

import httpx
import pytest

from tests.chaos.books import Books
from tests.chaos.client import Connection, Outcome, closed_loop, statuses
from tests.chaos.photos import Photo, cut
from tests.service import Service

pytestmark = pytest.mark.chaos
STAYING, LEAVING = 32, 64
SURE = 0.1
"""Between the first and the second class: a smaller lead may turn with the size of the batch."""


async def storm(port: int, photos: list[Photo], done: asyncio.Event, chance: random.Random) -> int:
    """Send a photo and hang up 0 to 1.5 s later, on and on; how often an answer was not awaited."""
    left = 0
    while not done.is_set():
        async with Connection(port) as connection:
            try:
                async with asyncio.timeout(chance.random() * 1.5):
                    await connection.post(chance.choice(photos))
            except TimeoutError:
                left += 1
    return left


async def load_in_a_storm(port: int) -> tuple[list[Outcome], int]:
    done, chance = asyncio.Event(), random.Random(1)
    unloved = cut(50, seed=10)
    leavers = [asyncio.create_task(storm(port, unloved, done, chance)) for _ in range(LEAVING)]
    outcomes = await closed_loop(port, cut(500, seed=9), STAYING)
    done.set()
    return outcomes, sum(await asyncio.gather(*leavers))


def queue(service: Service) -> dict[str, int]:
    (state,) = httpx.get(f"{service.url}/api/v1/pipeline", timeout=10).json()["queues"].values()
    return {name: state[name] for name in ("waiting", "running")}


def labels(outcomes: list[Outcome]) -> dict[str, str]:
    """Label by photo, where it is sure."""
    documents = {outcome.photo.sha256: outcome.document["predictions"] for outcome in outcomes}
    return {
        sha256: first["label"]
        for sha256, (first, second, *_) in documents.items()
        if first["probability"] - second["probability"] > SURE
    }


def footprint(service: Service) -> tuple[int, int]:
    """Bytes of memory of the replicas that nobody shares, and open files of the ingress."""
    stages = ("Ingress", "Preprocessor", "Classifier", "Results")
    memory = sum(process.memory_full_info().uss for stage in stages for process in service.replicas(stage))
    return memory, service.replicas("Ingress")[0].num_fds()


def test_clients_that_leave_disturb_nobody(service: Service, books: Books):
    asyncio.run(load_in_a_storm(service.port))  # what grows once, grows now
    memory, files = footprint(service)
    outcomes, left = asyncio.run(load_in_a_storm(service.port))
    print(f"{left} left, {len(outcomes)} stayed; longest {max(outcome.seconds for outcome in outcomes):.1f} s")
    assert left > 100
    assert statuses(outcomes) == {201: 500}
    assert all(outcome.document["image"]["sha256"] == outcome.photo.sha256 for outcome in outcomes)

    give_up_at = time.monotonic() + 10
    while any(queue(service).values()):
        assert time.monotonic() < give_up_at, f"still in the queue: {queue(service)}"
        time.sleep(0.2)

    calm = asyncio.run(closed_loop(service.port, cut(500, seed=9), 4))
    in_the_storm, at_rest = labels(outcomes), labels(calm)
    assert len(at_rest) > 100
    mixed_up = [sha256 for sha256, label in at_rest.items() if in_the_storm.get(sha256, label) != label]
    assert not mixed_up, f"{len(mixed_up)} of {len(at_rest)} answers were those of another photo"

    memory_after, files_after = footprint(service)
    print(f"memory {memory >> 20} → {memory_after >> 20} MiB, open files {files} → {files_after}")
    assert memory_after - memory < 64 << 20
    assert files_after - files < LEAVING
