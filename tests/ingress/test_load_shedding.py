"""Load shedding rejects exactly the requests that the routes would reject."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.errors import Overloaded
from serve_app.ingress import load_shedding
from serve_app.ingress.security_headers import SECURITY_HEADERS

FULL = Overloaded("256 images are already waiting; try again in a moment.")
IMAGES = "/api/v1/classifications"


async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app: ASGIApp = application
    for middleware in load_shedding.middlewares():
        app = middleware.cls(app, *middleware.args, **middleware.kwargs)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://raylens") as client:
        yield client


@pytest.fixture
def full() -> Iterator[None]:
    load_shedding.set_overload_check(lambda _scope: FULL)
    yield
    load_shedding.set_overload_check(None)


@pytest.mark.usefixtures("full")
async def test_images_are_rejected_while_the_queue_is_full(client: httpx.AsyncClient):
    for path in (IMAGES, f"{IMAGES}?cache=off", "/classify-image", "/api/classify-image"):
        reply = await client.post(path, content=b"x" * 100_000, headers={"X-Request-ID": "mine"})
        assert reply.status_code == 503
        assert reply.headers["retry-after"] == "1"
        assert reply.headers.keys() >= {name.decode() for name, _ in SECURITY_HEADERS}
        assert reply.headers["x-request-id"] == "mine"
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json() == {
            "type": "urn:raylens:problem:overloaded",
            "title": "Overloaded",
            "status": 503,
            "detail": FULL.message,
            "code": "overloaded",
            "request_id": "mine",
        }


@pytest.mark.usefixtures("full")
async def test_every_rejection_has_its_own_request_id(client: httpx.AsyncClient):
    replies = [await client.post(IMAGES) for _ in range(2)]
    ids = {reply.json()["request_id"] for reply in replies}
    assert ids == {reply.headers["x-request-id"] for reply in replies}
    assert len(ids) == 2


@pytest.mark.usefixtures("full")
async def test_other_requests_pass_while_the_queue_is_full(client: httpx.AsyncClient):
    others = [
        ("GET", IMAGES),
        ("POST", f"{IMAGES}?model=other"),
        ("GET", "/api/health/live"),
        ("POST", "/api/v1/tokens"),
    ]
    for method, path in others:
        assert (await client.request(method, path)).status_code == 204


async def test_images_pass_without_an_ingress_or_with_room_in_the_queue(client: httpx.AsyncClient):
    assert (await client.post(IMAGES)).status_code == 204
    load_shedding.set_overload_check(lambda _scope: None)
    try:
        assert (await client.post(IMAGES)).status_code == 204
    finally:
        load_shedding.set_overload_check(None)
