"""Clients share the service: nobody is refused because of what another one sends."""

import asyncio
from pathlib import Path

import httpx
from PIL import Image

from serve_app.config import BuildArguments, QueueArguments
from tests.images.pictures import encode
from tests.ingress.graph import Graph, running, until
from tests.ingress.pictures import different

IMAGES = "/api/v1/classifications"
WAITING = 4


def client_at(graph: Graph, address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(graph.app, client=(address, 1)), base_url="http://raylens.test"
    )


async def arrived(graph: Graph, images: int) -> None:
    """Wait until so many images wait or are in progress."""
    await until(lambda: sum(graph.gateway.images_by_deployment().values()) == images)


async def test_a_full_queue_rejects_the_client_that_filled_it(tmp_path: Path) -> None:
    arguments = BuildArguments(queue=QueueArguments(max_waiting=WAITING))
    async with (
        running(tmp_path, arguments=arguments) as graph,
        client_at(graph, "192.0.2.1") as hog,
        client_at(graph, "192.0.2.2") as other,
    ):
        graph.runtime.close_gate()
        (queue,) = (model.queue for model in graph.gateway.models.values())
        *pictures, last = different(WAITING + queue.slots[0] + 1)
        calls = []
        for data in pictures:  # one after the other, so that the order of arrival is known
            calls.append(asyncio.create_task(hog.post(IMAGES, content=data)))
            await arrived(graph, len(calls))
        assert queue.waiting_images == WAITING
        assert (await hog.post(IMAGES, content=last)).json()["code"] == "overloaded"
        accepted = asyncio.create_task(other.post(IMAGES, content=last))
        assert (await calls.pop()).json()["code"] == "overloaded", "the newest image of the client with the most"
        graph.runtime.gate.set()
        assert [reply.status_code for reply in await asyncio.gather(accepted, *calls)] == [201] * (len(calls) + 1)
        await until(lambda: graph.metrics.rejections["overloaded"] == 2)


async def test_expensive_images_count_as_several(tmp_path: Path) -> None:
    """9 megapixels of WebP cost 25, and 8 count as an image: 4 of the 6 in the rate limit, but one from the cache."""
    large = encode(Image.new("RGB", (3000, 3000)), "WEBP", method=0)
    async with running(tmp_path, rate_limit_anonymous="6/hour") as graph:
        for _ in range(2):
            await graph.classify(large)
        first, second = different(2)
        await graph.classify(first)
        await graph.classify(second, expect=429)
