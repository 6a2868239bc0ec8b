"""Metrics that an ingress replica reports every second."""

import asyncio
import math
import time
from pathlib import Path
from unittest.mock import patch

import pytest

from serve_app.cluster.serve_status import DeploymentState
from serve_app.config import BuildArguments
from serve_app.ingress import gateway
from tests.auth.user_factory import UserFactory
from tests.fetch.server import Server, respond
from tests.ingress.graph import LITE0, Graph, running, until
from tests.ingress.pictures import different, picture


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "METRICS_INTERVAL_S", 0.02)


async def test_the_queue_and_its_limit(graph: Graph) -> None:
    await until(lambda: graph.metrics.queue == {LITE0: (0, 0, BuildArguments().queue.max_waiting)})
    graph.runtime.close_gate()
    calls = [asyncio.create_task(graph.classify(data)) for data in different(4)]
    slots = BuildArguments().queue.batches_per_classifier
    await until(lambda: graph.metrics.queue[LITE0][:2] == (4 - slots, slots))
    graph.runtime.gate.set()
    await asyncio.gather(*calls)
    await until(lambda: graph.metrics.queue[LITE0][:2] == (0, 0))


async def test_ingress_replicas_share_the_calls(graph: Graph) -> None:
    states = {
        name: DeploymentState("HEALTHY", "", running, 0)
        for name, running in ((f"Classifier-{LITE0}", 5), ("Preprocessor", 7), ("Ingress", 4))
    }
    concurrent = math.ceil(BuildArguments().queue.batches_per_classifier * 5 / 4)
    expensive = math.ceil(BuildArguments().preprocessor.processes * 7 / 4)
    queue = graph.gateway.models[LITE0].queue
    with patch("serve_app.ingress.gateway.deployment_states", return_value=states):
        await until(lambda: queue.slots == (concurrent, expensive))


async def test_models_and_request_memory(graph: Graph) -> None:
    await until(lambda: [model.name for model in graph.metrics.models] == [LITE0])
    limit = BuildArguments().queue.max_mib << 20
    assert graph.metrics.uploads == (0, limit)
    graph.runtime.close_gate()
    data = picture()
    call = asyncio.create_task(graph.classify(data))
    await until(lambda: graph.metrics.uploads == (len(data), limit))
    graph.runtime.gate.set()
    await call


async def test_fetches(graph: Graph, website: Server) -> None:
    website.answers["/a.png"] = respond(picture())
    for _ in range(2):
        await graph.classify_json({"image_url": f"http://127.0.0.1:{website.port}/a.png"})
    await until(lambda: graph.metrics.answers.total() == 2)
    (fetch_ms,) = graph.metrics.fetches_ms
    assert fetch_ms > 0


async def test_an_unavailable_cache(tmp_path: Path) -> None:
    async with running(tmp_path, redis_url="redis://127.0.0.1:1/0", secret_key="k" * 32) as graph:
        await until(lambda: graph.metrics.cache == "ok")
        await graph.classify(picture())
        await until(lambda: graph.metrics.cache == "degraded")


async def test_sign_ins(graph: Graph) -> None:
    UserFactory(graph.gateway.engine, time.time).add("alice")
    document = {"username": "alice", "password": "not hers at all"}
    replies = [await graph.client.post("/api/auth/token/login/", json=document) for _ in range(7)]
    assert [reply.status_code for reply in replies] == [400] * 5 + [429] * 2
    await until(lambda: graph.metrics.account_events == {"user.sign_in_failed": 5, "user.throttled": 2})
