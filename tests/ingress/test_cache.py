"""Cache: hits, misses and shared inferences, each recorded once."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
import redis

from tests.fetch.server import Server, respond
from tests.ingress.graph import LONGEST_GATE_S, Graph, running, top_class, until
from tests.ingress.pictures import BLUE, GREEN, RED, different, picture


async def test_a_repeated_image_is_a_hit(graph: Graph) -> None:
    first, second = await graph.classify(picture()), await graph.classify(picture())
    assert (first.headers["X-Cache"], second.headers["X-Cache"]) == ("miss", "hit")
    one, other = first.json(), second.json()
    assert (one["cached"], other["cached"]) == (False, True)
    assert one["predictions"] == other["predictions"]
    assert one["id"] != other["id"]
    assert other["timings_ms"]["inference"] == 0
    assert graph.runtime.batches == [1]
    assert await graph.record_count() == 2


async def test_a_hit_returns_the_requested_number_of_classes(graph: Graph) -> None:
    await graph.classify(picture(), top_k=1)
    hit = await graph.classify(picture(), top_k=1000)
    assert hit.headers["X-Cache"] == "hit"
    assert len(hit.json()["predictions"]) == 1000


async def test_a_result_in_another_precision_is_cached_separately(graph: Graph) -> None:
    """As while replicas are updated, or with GPUs in some machines only."""
    graph.runtime.precision = "bf16"
    for _ in range(2):
        other = await graph.classify(picture())
        assert (other.headers["X-Cache"], other.json()["model"]["precision"]) == ("miss", "bf16")
    graph.runtime.precision = "fp32"
    for outcome in ("miss", "hit"):
        expected = await graph.classify(picture())
        assert (expected.headers["X-Cache"], expected.json()["model"]["precision"]) == (outcome, "fp32")


@pytest.mark.parametrize("count", [2, 30])
async def test_concurrent_identical_images_share_one_inference(graph: Graph, count: int) -> None:
    graph.runtime.close_gate()
    requests = [asyncio.create_task(graph.classify(picture(), top_k=1 + i)) for i in range(count)]
    await graph.runtime.is_busy()
    graph.runtime.gate.set()
    responses = await asyncio.gather(*requests)
    outcomes = Counter(response.headers["X-Cache"] for response in responses)
    assert outcomes["miss"] == 1
    assert outcomes["miss"] + outcomes["shared"] + outcomes["hit"] == count
    assert sum(graph.runtime.batches) == 1
    assert await graph.record_count() == count
    assert len({response.json()["id"] for response in responses}) == count
    assert [len(response.json()["predictions"]) for response in responses] == [1 + i for i in range(count)]


async def test_a_shared_inference_is_marked(graph: Graph) -> None:
    graph.runtime.close_gate()
    first = asyncio.create_task(graph.classify(picture()))
    await graph.runtime.is_busy()
    second = asyncio.create_task(graph.classify(picture()))
    await asyncio.sleep(0.05)
    graph.runtime.gate.set()
    assert [(await request).headers["X-Cache"] for request in (first, second)] == ["miss", "shared"]


async def test_a_shared_inference_survives_the_first_request(graph: Graph) -> None:
    graph.runtime.close_gate()
    first = asyncio.create_task(graph.classify(picture()))
    await graph.runtime.is_busy()
    second = asyncio.create_task(graph.classify(picture()))
    await asyncio.sleep(0.05)
    first.cancel()
    graph.runtime.gate.set()
    assert (await second).json()["predictions"][0]["index"] == top_class(RED)


async def test_identical_images_in_one_request_share_one_inference(graph: Graph) -> None:
    files = [("file", (f"{i}.png", picture(GREEN), "image/png")) for i in range(10)]
    items = (await graph.client.post("/api/v1/classifications", files=files)).json()["items"]
    assert sum(graph.runtime.batches) == 1
    assert len({item["id"] for item in items}) == 10
    assert await graph.record_count() == 10


async def test_refresh_classifies_again_and_updates_the_cache(graph: Graph) -> None:
    await graph.classify(picture())
    assert (await graph.classify(picture(), cache="refresh")).headers["X-Cache"] == "miss"
    assert sum(graph.runtime.batches) == 2
    other = picture(BLUE)
    await graph.classify(other, cache="refresh")
    assert (await graph.classify(other)).headers["X-Cache"] == "hit"


async def test_off_bypasses_the_cache(graph: Graph) -> None:
    assert (await graph.classify(picture(), cache="off")).headers["X-Cache"] == "miss"
    assert (await graph.classify(picture())).headers["X-Cache"] == "miss"
    assert (await graph.classify(picture(), cache="off")).headers["X-Cache"] == "miss"
    assert sum(graph.runtime.batches) == 3
    assert await graph.record_count() == 3


async def test_errors_are_not_cached(graph: Graph) -> None:
    await graph.classify(picture()[:60], expect=422)
    await graph.classify(picture()[:60], expect=422)
    assert graph.results.calls["finish"] >= 2
    assert await graph.record_count() == 0


async def test_a_cached_url_is_not_fetched_again(graph: Graph, website: Server) -> None:
    website.answers["/red.png"] = respond(picture(RED))
    document = {"image_url": f"http://127.0.0.1:{website.port}/red.png"}
    outcomes = [(await graph.classify_json(document)).headers["X-Cache"] for _ in range(3)]
    assert outcomes == ["miss", "hit", "hit"]
    assert len(website.requests) == 1
    assert (await graph.classify_json(document, cache="refresh")).headers["X-Cache"] == "miss"
    assert len(website.requests) == 2


async def test_two_urls_of_one_image_share_a_result(graph: Graph, website: Server) -> None:
    website.answers |= {"/a.png": respond(picture(RED)), "/b.png": respond(picture(RED))}
    outcomes = [
        (await graph.classify_json({"image_url": f"http://127.0.0.1:{website.port}/{name}.png"})).headers["X-Cache"]
        for name in "ab"
    ]
    assert outcomes == ["miss", "hit"]


async def test_concurrent_requests_share_one_fetch(graph: Graph, website: Server) -> None:
    website.answers["/red.png"] = respond(picture(RED))
    document = {"image_url": f"http://127.0.0.1:{website.port}/red.png"}
    responses = await asyncio.gather(*(graph.classify_json(document) for _ in range(20)))
    assert len(website.requests) == 1
    assert sum(graph.runtime.batches) == 1
    assert {response.json()["image"]["url"] for response in responses} == {document["image_url"]}
    report = (await graph.client.get("/report")).json()
    assert [row["classification_count"] for row in report] == [20]


async def test_an_unavailable_redis_causes_misses_not_errors(tmp_path: Path) -> None:
    async with running(tmp_path, redis_url="redis://127.0.0.1:1/0", secret_key="k" * 32) as graph:
        outcomes = [(await graph.classify(picture())).headers["X-Cache"] for _ in range(2)]
        assert outcomes == ["miss", "miss"]
        parts = (await graph.client.get("/api/health/ready")).json()
        assert (parts["status"], parts["parts"]["cache"]) == ("degraded", "degraded")


async def test_outcomes_and_rejections_are_counted(graph: Graph) -> None:
    for data in [*different(3), *different(3)]:
        await graph.classify(data)
    await graph.classify(b"no image", expect=415)
    await graph.classify(b"", expect=400)
    await graph.classify_json({"image_base64": 7}, expect=422)
    await graph.classify_json({"images": [{"image_base64": 7}, {"image_url": "ftp://a.test/"}]})
    await graph.client.post("/classify-image", json={"images": []})
    rejections = {"unsupported_image": 1, "image_missing": 2, "invalid_parameter": 2, "bad_url": 1}
    live = graph.gateway.live_stats()
    assert live["outcomes"] == {"hit": 3, "miss": 3, "shared": 0}
    assert live["refusals"] == rejections
    await until(lambda: graph.metrics.answers.total() == 6 and graph.metrics.rejections.total() == 6)
    assert graph.metrics.answers == {"hit": 3, "miss": 3}
    assert graph.metrics.rejections == rejections
    assert len(graph.metrics.latencies_ms) == 6
    assert graph.metrics.fetches_ms == []


async def test_connections_to_redis_are_closed_when_the_ingress_stops(tmp_path: Path, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:

        def connections() -> int:
            return int(client.info("clients")["connected_clients"])

        before = connections()
        async with running(
            tmp_path, redis_url=redis_url, secret_key="k" * 32, rate_limit_anonymous="600/minute"
        ) as graph:
            async with asyncio.timeout(LONGEST_GATE_S):
                while connections() < before + 2:  # cache and rate limits; a busy machine may exceed Redis' timeout
                    await graph.classify(picture())
        await until(lambda: connections() == before)
