"""Clients share the service: nobody is refused because of what another one sends."""

import asyncio
from pathlib import Path
from unittest.mock import patch

import httpx
from PIL import Image

from serve_app.config import BuildArguments, QueueArguments
from serve_app.fetch.fair_slots import FairSlots
from tests.fetch.server import Server, respond
from tests.images.pictures import encode
from tests.ingress.graph import Graph, running, until
from tests.ingress.pictures import different, picture

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


async def test_clients_do_not_wait_for_the_fetches_of_others(graph: Graph, website: Server) -> None:
    """Of one URL: the fetch of another client may be the last of a thousand."""
    website.answers["/image"] = respond(picture())
    document = {"image_url": f"http://127.0.0.1:{website.port}/image"}
    async with client_at(graph, "192.0.2.1") as hog, client_at(graph, "192.0.2.2") as other:
        fetcher = graph.gateway._classification._fetcher
        with patch.object(fetcher, "_slots", FairSlots(total=9, per_key=1)) as slots:
            await slots.acquire(("client address:192.0.2.1",))
            waiting = asyncio.create_task(hog.post(IMAGES, json=document))
            await until(lambda: slots._waiters == 1)
            assert (await other.post(IMAGES, json=document)).status_code == 201
            assert not waiting.done()
            slots.release(("client address:192.0.2.1",))
            assert (await waiting).status_code == 201


async def test_expensive_images_count_as_several(tmp_path: Path) -> None:
    """9 megapixels of WebP cost 25, and 8 count as an image: 4 of the 6 in the rate limit, but one from the cache."""
    large = encode(Image.new("RGB", (3000, 3000)), "WEBP", method=0)
    async with running(tmp_path, rate_limit_anonymous="6/hour") as graph:
        for _ in range(2):
            await graph.classify(large)
        first, second = different(2)
        await graph.classify(first)
        await graph.classify(second, expect=429)


async def test_an_expensive_image_waits_in_a_lane_of_its_own(tmp_path: Path) -> None:
    """Ordinary images of the same client, which were sent later, do not wait for it."""
    large = encode(Image.new("RGB", (3000, 3000)), "WEBP", method=0)
    async with running(tmp_path) as graph:
        graph.runtime.close_gate()
        (queue,) = (model.queue for model in graph.gateway.models.values())
        calls = [asyncio.create_task(graph.classify(data)) for data in (large, *different(1))]
        await arrived(graph, 2)
        assert queue.expensive_images == 1
        graph.runtime.gate.set()
        await asyncio.gather(*calls)
