"""The Classifier's replicas follow the images that wait."""

import asyncio
import time
from collections.abc import Iterator
from itertools import cycle, takewhile
from typing import Any

import httpx
import pytest

from tests.chaos.client import Outcome, closed_loop, statuses
from tests.chaos.photos import cut
from tests.service import Service

pytestmark = pytest.mark.chaos
LIMIT_S = 60.0


def quick_to_scale(application: dict[str, Any]) -> None:
    application["autoscaling_policy"]["policy_kwargs"]["images_per_classifier"] = 20
    application["args"]["classifier"]["threads"] = 1
    for deployment in application["deployments"]:
        deployment["ray_actor_options"]["num_cpus"] = 0.1
        if deployment["name"] == "Preprocessor":
            deployment["autoscaling_config"]["max_replicas"] = 1
        if deployment["name"] == "Classifier":
            deployment["autoscaling_config"] |= {"max_replicas": 2, "upscale_delay_s": 1, "downscale_delay_s": 3}


@pytest.fixture(scope="module")
def scaling_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("scaling"), quick_to_scale)
    service.start()
    yield service
    service.stop()


async def classifiers(service: Service) -> int:
    async with httpx.AsyncClient(timeout=30) as client:
        pipeline = (await client.get(f"{service.url}/api/v1/pipeline")).json()
    replicas: int = pipeline["deployments"]["Classifier"]["replicas"]
    return replicas


async def load_until(service: Service, connections: int, replicas: int) -> tuple[list[Outcome], float]:
    """Keep the load up until there are so many Classifiers; the outcomes, and the seconds it took."""
    done = asyncio.Event()
    photos = takewhile(lambda _: not done.is_set(), cycle(cut(300)))
    load = asyncio.create_task(closed_loop(service.port, photos, connections))
    started = time.monotonic()
    while await classifiers(service) != replicas:
        assert time.monotonic() - started < LIMIT_S, f"not {replicas} Classifiers under {connections} connections"
        await asyncio.sleep(0.3)
    took_s = time.monotonic() - started
    await asyncio.sleep(2)
    done.set()
    return await load, took_s


def test_classifiers_come_with_the_load_and_go_with_it(scaling_service: Service):
    asyncio.run(load_until(scaling_service, connections=1, replicas=1))
    heavy, up_s = asyncio.run(load_until(scaling_service, connections=64, replicas=2))
    assert len(scaling_service.replicas("Classifier")) == 2
    light, down_s = asyncio.run(load_until(scaling_service, connections=1, replicas=1))
    print(f"1 → 2 after {up_s:.1f} s, 2 → 1 after {down_s:.1f} s; {len(heavy)} and {len(light)} requests")
    assert set(statuses([*heavy, *light])) == {201}
