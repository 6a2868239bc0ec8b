"""Fetched images count in the memory for request bodies."""

import asyncio
from unittest.mock import patch

import pytest

from serve_app.errors import Overloaded
from serve_app.ingress.byte_budget import ByteBudget, ByteReservation
from serve_app.ingress.fetched_image import FetchedImage, FetchMemory
from tests.fetch.server import Server, closing, respond
from tests.ingress.graph import Graph, until
from tests.ingress.pictures import different

MIB = 1 << 20


def _big(number: int, size: int = MIB) -> list[bytes]:
    """Images of ``size`` bytes; what follows the image does not matter."""
    return [data + bytes(size - len(data)) for data in different(number)]


def _limit(graph: Graph, limit: int) -> ByteBudget:
    """Give fetched images a budget of their own."""
    budget = ByteBudget(limit)
    graph.gateway._classification._byte_budget = budget
    return budget


def _watch(budget: ByteBudget) -> list[int]:
    """The bytes held after each reservation that succeeds."""
    held: list[int] = []
    take = budget.take

    def watched(reservation: ByteReservation, size: int) -> None:
        take(reservation, size)
        held.append(budget.held)

    budget.take = watched  # type: ignore[method-assign]
    return held


async def _classify(graph: Graph, website: Server, path: str) -> int:
    document = {"image_url": f"http://127.0.0.1:{website.port}/{path}"}
    return (await graph.client.post("/api/v1/classifications", json=document)).status_code


async def test_fetches_wait_for_memory(graph: Graph, website: Server) -> None:
    website.answers |= {f"/{number}": respond(image) for number, image in enumerate(_big(6))}
    budget = _limit(graph, 5 * MIB)
    held = _watch(budget)
    graph.runtime.close_gate()
    requests = [asyncio.create_task(_classify(graph, website, str(number))) for number in range(6)]
    await until(lambda: len(website.requests) == 6)
    await graph.runtime.is_busy()
    graph.runtime.gate.set()
    assert await asyncio.gather(*requests) == [201] * 6
    assert max(held) == 2 * MIB, "two of six: half of the memory is the share of a client"
    await until(lambda: budget.held == 0)


async def test_images_of_unknown_length_are_counted_while_they_arrive(graph: Graph, website: Server) -> None:
    (image,) = _big(1)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(image), image)
    website.answers["/image"] = closing(chunked)
    held = _watch(_limit(graph, 5 * MIB))
    assert await _classify(graph, website, "image") == 201
    assert max(held) == MIB
    assert len(held) > 5


async def test_an_image_that_gets_no_memory_is_refused(graph: Graph, website: Server) -> None:
    website.answers["/image"] = respond(_big(1)[0])
    budget = _limit(graph, MIB)
    with patch("serve_app.ingress.fetched_image.MEMORY_TIMEOUT_S", 0.0):
        document = {"image_url": f"http://127.0.0.1:{website.port}/image"}
        response = await graph.classify_json(document, expect=503)
        assert response.json()["code"] == "overloaded"
        assert response.headers["Retry-After"]
    assert budget.held == 0


async def test_requests_that_share_a_fetch_share_its_memory(graph: Graph, website: Server) -> None:
    website.answers["/image"] = respond(_big(1)[0])
    budget = _limit(graph, 5 * MIB)
    graph.runtime.close_gate()
    requests = [asyncio.create_task(_classify(graph, website, "image")) for _ in range(20)]
    await graph.runtime.is_busy()
    assert budget.held == MIB
    graph.runtime.gate.set()
    assert await asyncio.gather(*requests) == [201] * 20
    await until(lambda: budget.held == 0)


async def test_failed_fetches_give_their_memory_back(graph: Graph, website: Server) -> None:
    budget = _limit(graph, 5 * MIB)
    website.answers |= {"/page": respond(b"<html>" + bytes(MIB)), "/cut": closing(respond(_big(1)[0])[:-9])}
    assert [await _classify(graph, website, path) for path in ("page", "cut")] == [422] * 2
    assert budget.held == 0


async def test_memory_is_free_once_nobody_uses_the_image() -> None:
    budget = ByteBudget(100)
    memory = FetchMemory(budget, "alice")
    await memory.reserve(40)
    image = FetchedImage(b"data", "")
    memory.release_with(image)
    with patch("serve_app.ingress.fetched_image.MEMORY_TIMEOUT_S", 0.0), pytest.raises(Overloaded):
        await FetchMemory(budget, "alice").reserve(40)
    waiting = asyncio.create_task(FetchMemory(budget, "alice").reserve(40))
    await asyncio.sleep(0)
    assert not waiting.done()
    del image
    await waiting
    assert budget.held == 40
