"""A full disk: images and sign-ins get 503, reads work, and the service recovers by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.auth.user_factory import UserFactory
from tests.ingress.graph import Graph, running
from tests.ingress.pictures import BLUE, GREEN, RED, picture
from tests.ingress.tokens import bearer
from tests.small_disk import SmallDisk, mounted

URL = "/api/v1/classifications"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted(tmp_path / "disk", mib=8) as disk:
        yield disk


@pytest.fixture
async def small(disk: SmallDisk) -> AsyncIterator[Graph]:
    async with running(disk.folder) as graph:
        yield graph


async def post(graph: Graph, data: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    return await graph.client.post(URL, content=data, headers=headers)


async def parts(graph: Graph) -> dict[str, str]:
    response = await graph.client.get("/api/health/ready")
    assert response.status_code == 200
    found: dict[str, str] = response.json()["parts"]
    return found


def is_refused(response: httpx.Response) -> bool:
    assert response.status_code == 503, response.text
    assert int(response.headers["Retry-After"]) >= 1
    return True


async def test_a_full_disk(small: Graph, disk: SmallDisk) -> None:
    factory = UserFactory(small.gateway.engine, time.time)
    known = bearer(factory.issue(factory.add(), "token"))
    assert (await post(small, picture(RED), known)).status_code == 201
    drain = small.results.stage.record_store._maintain
    registration = {"username": "bob", "password": PASSWORD}
    assert (await small.client.post("/auth/users/", json=registration)).status_code == 201

    disk.fill()
    answered = 0
    for attempt in range(20):
        for data in (picture(RED), picture(BLUE)):  # from the cache, and not
            response = await post(small, data, known)
            answered += response.status_code == 201
            if attempt > 3:
                assert is_refused(response)
                assert response.json()["code"] == "storage_unavailable"
                assert "No space left on device" in response.json()["detail"]
    await asyncio.to_thread(drain)
    assert (await small.client.get("/api/health/ready")).json()["status"] == "degraded"
    assert {name: (await parts(small))[name] for name in ("database", "storage")} == {
        "database": "degraded",
        "storage": "degraded",
    }
    several = await small.client.post(URL, files=[("file", picture(RED)), ("file", b"no image")])
    assert [item.get("code") for item in several.json()["items"]] == ["storage_unavailable", "unsupported_image"]
    for path, body in (
        ("/auth/token/login/", registration),
        ("/api/auth/token/login/", registration),
        ("/auth/users/", {"username": "carol", "password": PASSWORD}),
    ):
        assert is_refused(await small.client.post(path, json=body)), path
    for path in (URL, f"{URL}/export", "/report", "/api/v1/top", "/api/v1/account"):
        assert (await small.client.get(path, headers=known)).status_code == 200, path

    disk.free()
    async with asyncio.timeout(20):
        while "degraded" in (await parts(small)).values():
            await asyncio.to_thread(drain)
            await asyncio.sleep(0.1)
    assert (await post(small, picture(GREEN), known)).status_code == 201
    assert (await small.client.post("/auth/token/login/", json=registration)).status_code == 200
    assert await small.record_count() == 2 + answered
