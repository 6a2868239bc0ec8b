"""Top 10, labels, state of the pipeline, health, and the OpenAPI document."""

import asyncio
from pathlib import Path
from unittest.mock import patch

import schemathesis

from models.labels import labels_of
from models.zoo import resolve_model
from tests.fetch.server import Server, respond
from tests.ingress.graph import LITE0, Graph, prepare, top_class
from tests.ingress.pictures import BLUE, GREEN, RED, picture

LABELS = labels_of(resolve_model(LITE0))


async def test_top_images_count_hits_misses_and_shared(graph: Graph, website: Server) -> None:
    website.answers["/red.png"] = respond(picture(RED))
    url = f"http://127.0.0.1:{website.port}/red.png"
    graph.runtime.close_gate()
    flight = [asyncio.create_task(graph.classify_json({"image_url": url})) for _ in range(3)]
    await graph.runtime.is_busy()
    graph.runtime.gate.set()
    await asyncio.gather(*flight)
    await graph.classify_json({"image_url": url})
    await graph.classify(picture(GREEN))
    for window in ("hour", "day", "week", "all"):
        top = (await graph.client.get("/api/v1/top", params={"window": window})).json()
        assert (top["by"], top["window"]) == ("image", window)
        assert [(item["image_url"], item["classification_count"]) for item in top["items"]] == [(url, 4), (None, 1)]
        assert all(item["sha256"] and item["last_seen"].endswith("Z") for item in top["items"])


async def test_top_labels(graph: Graph) -> None:
    for colour, times in ((RED, 1), (BLUE, 3), (GREEN, 2)):
        for _ in range(times):
            await graph.classify(picture(colour))
    top = (await graph.client.get("/api/v1/top", params={"by": "label", "limit": 2})).json()
    assert [(item["label"], item["wnid"], item["classification_count"]) for item in top["items"]] == [
        (LABELS.name(top_class(BLUE)), LABELS.wnid(top_class(BLUE)), 3),
        (LABELS.name(top_class(GREEN)), LABELS.wnid(top_class(GREEN)), 2),
    ]


async def test_labels(graph: Graph) -> None:
    everything = (await graph.client.get("/api/v1/labels")).json()["items"]
    assert [item["index"] for item in everything] == list(range(1000))
    found = (await graph.client.get("/api/v1/labels", params={"q": "yorkshire terrier"})).json()["items"]
    assert found == [{"index": 187, "wnid": "n02094433", "label": "Yorkshire_terrier"}]
    cranes = (await graph.client.get("/api/v1/labels", params={"q": "crane"})).json()["items"]
    assert len({item["wnid"] for item in cranes if item["label"] == "crane"}) == 2
    assert (await graph.client.get("/api/v1/labels", params={"q": "nothing of the kind"})).json() == {"items": []}


async def test_the_state_of_the_pipeline(graph: Graph) -> None:
    for _ in range(2):
        await graph.classify(picture())
    live = (await graph.client.get("/api/v1/pipeline")).json()
    assert live["outcomes"] == {"hit": 1, "miss": 1, "shared": 0}
    assert live["cache_hit_share"] == 0.5
    assert live["batch_sizes"] == {"1": 1}
    assert live["queues"] == {LITE0: {"waiting": 0, "running": 0, "limit": 256}}
    assert set(live["latency_ms"]) == {"p50", "p90", "p99"}
    assert set(live["stages_ms"]) == {"preprocess", "queue", "inference"}


async def test_readiness_requires_every_model(tmp_path: Path) -> None:
    graph = prepare(tmp_path)
    graph.runtime.close_gate()
    with (
        patch("serve_app.ingress.gateway.deployment_states", return_value={}),
        patch("serve_app.ingress.gateway.MODELS_TIMEOUT_S", 0.0),
    ):
        async with graph.app.router.lifespan_context(graph.app), graph.client:
            response = await graph.client.get("/api/health/ready")
            assert response.status_code == 503
            assert response.json()["parts"][f"model:{LITE0}"] == "starting"
            assert response.headers["Retry-After"]
            assert (await graph.client.get("/api/health/live")).json() == {"is_healthy": True}
            early = await graph.classify(picture(), expect=503)
            assert early.json()["code"] == "not_ready"
            assert early.headers["Retry-After"]
            graph.runtime.gate.set()
            await graph.warm()
            response = await graph.client.get("/api/health/ready")
            parts = {f"model:{LITE0}": "ok", "cache": "ok", "database": "ok", "storage": "ok"}
            assert (response.status_code, response.json()) == (200, {"status": "ready", "parts": parts})
            await graph.classify(picture())


async def test_a_starting_replica_accepts_requests_only_once_it_can_answer(tmp_path: Path) -> None:
    """Other replicas can answer, so it must not reject any."""
    graph = prepare(tmp_path)
    graph.runtime.close_gate()
    with patch("serve_app.ingress.gateway.deployment_states", return_value={}):
        opening = asyncio.create_task(open_and_classify(graph))
        await graph.runtime.is_busy()
        graph.runtime.gate.set()
        await opening


async def open_and_classify(graph: Graph) -> None:
    async with graph.app.router.lifespan_context(graph.app), graph.client:
        await graph.classify(picture())


async def test_a_failed_warm_up_is_retried(tmp_path: Path) -> None:
    graph = prepare(tmp_path)
    graph.classifier.deaths_before.append(RuntimeError("not yet"))
    with patch("serve_app.ingress.gateway.deployment_states", return_value={}):
        async with graph.app.router.lifespan_context(graph.app), graph.client:
            await graph.warm()
            await graph.classify(picture())


async def test_the_openapi_document(graph: Graph) -> None:
    document = (await graph.client.get("/api/openapi.json")).json()
    schemathesis.openapi.from_dict(document).validate()
    assert "/classify-image" not in document["paths"], "every route is documented once"
    for path, operations in document["paths"].items():
        assert path.startswith("/api/")
        for operation in operations.values():
            assert operation["summary"], path
    errors = document["paths"]["/api/v1/classifications"]["post"]["responses"]
    for status in ("400", "401", "403", "404", "413", "415", "422", "429", "503", "504"):
        assert set(errors[status]["content"]) == {"application/problem+json"}, status
