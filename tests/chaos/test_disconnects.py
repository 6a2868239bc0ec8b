"""Many clients disconnect at random moments, which must not affect the others."""

import asyncio
import random
import time

import httpx
import pytest

from tests.chaos.client import Connection, Outcome, closed_loop, statuses
from tests.chaos.photos import Photo, crops
from tests.service import Service

pytestmark = pytest.mark.chaos
STAYING, LEAVING = 32, 64
MARGIN = 0.1
"""Between the probabilities of the first two classes: with less, the batch size may decide which is first."""


async def disconnect_repeatedly(port: int, photos: list[Photo], done: asyncio.Event, rng: random.Random) -> int:
    """Send photos and disconnect 0 to 1.5 s later; the number of disconnects before the response."""
    disconnects = 0
    while not done.is_set():
        async with Connection(port) as connection:
            try:
                async with asyncio.timeout(rng.random() * 1.5):
                    await connection.post(rng.choice(photos))
            except TimeoutError:
                disconnects += 1
    return disconnects


async def load_with_disconnects(port: int) -> tuple[list[Outcome], int]:
    """Outcomes of the clients that stay, and the number of disconnects of the others."""
    done, rng = asyncio.Event(), random.Random(1)
    photos = crops(50, seed=10)
    leaving = [asyncio.create_task(disconnect_repeatedly(port, photos, done, rng)) for _ in range(LEAVING)]
    outcomes = await closed_loop(port, crops(500, seed=9), STAYING)
    done.set()
    return outcomes, sum(await asyncio.gather(*leaving))


def queue(service: Service) -> dict[str, int]:
    (state,) = httpx.get(f"{service.url}/api/v1/pipeline", timeout=10).json()["queues"].values()
    return {name: state[name] for name in ("waiting", "running")}


def clear_labels(outcomes: list[Outcome]) -> dict[str, str]:
    """Label by photo, of photos whose first class has a clear margin."""
    predictions = {outcome.photo.sha256: outcome.document["predictions"] for outcome in outcomes}
    return {
        sha256: first["label"]
        for sha256, (first, second, *_) in predictions.items()
        if first["probability"] - second["probability"] > MARGIN
    }


def resources(service: Service) -> tuple[int, int]:
    """Bytes of private memory of all replicas, and open files of the Ingress."""
    stages = ("Ingress", "Preprocessor", "Classifier", "Results")
    memory = sum(process.memory_full_info().uss for stage in stages for process in service.replicas(stage))
    return memory, service.replicas("Ingress")[0].num_fds()


def test_disconnecting_clients_do_not_affect_others(service: Service):
    asyncio.run(load_with_disconnects(service.port))  # warm-up: one-time allocations
    memory, files = resources(service)
    outcomes, disconnects = asyncio.run(load_with_disconnects(service.port))
    print(f"{disconnects} disconnects, maximum latency {max(outcome.seconds for outcome in outcomes):.1f} s")
    assert disconnects > 100
    assert statuses(outcomes) == {201: 500}
    assert all(outcome.document["image"]["sha256"] == outcome.photo.sha256 for outcome in outcomes)

    deadline = time.monotonic() + 10
    while any(queue(service).values()):
        assert time.monotonic() < deadline, f"still in the queue: {queue(service)}"
        time.sleep(0.2)

    undisturbed = asyncio.run(closed_loop(service.port, crops(500, seed=9), 4))
    labels, expected = clear_labels(outcomes), clear_labels(undisturbed)
    assert len(expected) > 100
    mixed_up = [sha256 for sha256, label in expected.items() if labels.get(sha256, label) != label]
    assert not mixed_up, f"{len(mixed_up)} of {len(expected)} responses belong to another photo"

    memory_after, files_after = resources(service)
    print(f"memory {memory >> 20} → {memory_after >> 20} MiB, open files {files} → {files_after}")
    assert memory_after - memory < 64 << 20
    assert files_after - files < LEAVING
