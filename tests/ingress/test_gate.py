"""The gate at the door: while the queue is full images are refused before anything of them is read."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serve_app.config import BuildArguments, ClassifierArguments, QueueArguments
from serve_app.ingress.gate import guard, middlewares
from tests.ingress.graph import Graph, running, until
from tests.ingress.pictures import different, picture

URL = "/api/v1/classifications"
PNG = {"Content-Type": "image/png"}
NARROW = BuildArguments(
    queue=QueueArguments(max_batch=1, batches_per_classifier=1, max_waiting=1),
    classifier=ClassifierArguments(batch_buckets=(1,)),
)


@pytest.fixture(autouse=True)
def open_again() -> Iterator[None]:
    yield
    guard(None)


def through_the_gate(graph: Graph) -> httpx.AsyncClient:
    """Serve wraps the middlewares around the application in the same way."""
    (middleware,) = middlewares()
    application = middleware.cls(graph.app, *middleware.args, **middleware.kwargs)
    return httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://raylens.test")


async def fill(graph: Graph) -> list[asyncio.Task[httpx.Response]]:
    """One image in the model, one waiting: there is no room for a third."""
    graph.runtime.close_gate()
    requests = [asyncio.create_task(graph.classify(data)) for data in different(2)]
    await graph.runtime.is_busy()
    await until(lambda: graph.gateway.model(None).queue.waiting_images == 1)
    return requests


@pytest.mark.parametrize("path", [URL, "/classify-image", "/api/classify-image"])
async def test_a_full_queue(tmp_path: Path, path: str) -> None:
    async with running(tmp_path, arguments=NARROW) as graph, through_the_gate(graph) as client:
        accepted = await fill(graph)
        response = await client.post(path, content=picture(), headers=PNG | {"X-Request-ID": "mine"})
        assert response.status_code == 503
        assert response.headers["Content-Type"] == "application/problem+json"
        assert int(response.headers["Retry-After"]) >= 1
        body = response.json()
        assert (body["code"], body["request_id"], response.headers["X-Request-ID"]) == ("overloaded", "mine", "mine")
        assert set(body) == {"type", "title", "status", "detail", "code", "request_id"}
        assert graph.gateway.live()["refusals"] == {"overloaded": 1}
        for look in ("/health", "/api/health/ready", "/report"):
            assert (await client.get(look)).status_code == 200, "looks are let through"
        graph.runtime.gate.set()
        assert [(await request).status_code for request in accepted] == [201, 201]
        assert (await client.post(URL, content=picture(), headers=PNG)).status_code == 201


async def test_a_named_model_is_left_to_its_route(tmp_path: Path) -> None:
    async with running(tmp_path, arguments=NARROW) as graph, through_the_gate(graph) as client:
        accepted = await fill(graph)
        response = await client.post(URL, content=picture(), headers=PNG, params={"model": "none"})
        assert response.json()["code"] == "unknown_model"
        graph.runtime.gate.set()
        await asyncio.gather(*accepted)


async def test_each_refusal_has_an_id_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path, arguments=NARROW) as graph, through_the_gate(graph) as client:
        accepted = await fill(graph)
        ids = {(await client.post(URL, content=b"")).json()["request_id"] for _ in range(5)}
        assert len(ids) == 5
        graph.runtime.gate.set()
        await asyncio.gather(*accepted)
