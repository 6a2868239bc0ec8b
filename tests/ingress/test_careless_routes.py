"""A route that reads whatever is sent is limited all the same."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from serve_app.config import LimitArguments
from serve_app.ingress.byte_budget import ByteBudget
from serve_app.ingress.request_bodies import RequestBodyMiddleware

KIB = 1 << 10
IMAGES = "/api/v1/classifications"


@dataclass
class Policy:
    limits: LimitArguments = field(default_factory=lambda: LimitArguments(body_mib=1))
    byte_budget: ByteBudget = field(default_factory=lambda: ByteBudget(8 << 20))

    def client_of(self, scope: Scope) -> str:
        return "somebody"


@pytest.fixture
def policy() -> Policy:
    return Policy()


@pytest.fixture
async def client(policy: Policy) -> AsyncIterator[httpx.AsyncClient]:
    """The answer of each route has the bytes that it read, and those that the budget held then."""

    async def careless(scope: Scope, receive: Receive, send: Send) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        await JSONResponse([size, policy.byte_budget.held])(scope, receive, send)

    transport = httpx.ASGITransport(RequestBodyMiddleware(careless, policy))
    async with httpx.AsyncClient(transport=transport, base_url="http://raylens.test") as client:
        yield client


async def in_chunks(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, 64 * KIB):
        yield bytes(min(64 * KIB, size - start))


@pytest.mark.parametrize(
    ("path", "limit", "code"),
    [("/other", 128 * KIB, "too_large"), (IMAGES, 1 << 20, "image_too_large")],
)
async def test_the_size_is_limited(client: httpx.AsyncClient, path: str, limit: int, code: str) -> None:
    for is_declared in (True, False):
        within, beyond = (bytes(size) if is_declared else in_chunks(size) for size in (limit, limit + 1))
        assert (await client.post(path, content=within)).json()[0] == limit
        refused = await client.post(path, content=beyond)
        assert (refused.status_code, refused.json()["code"]) == (413, code)


async def test_the_bytes_are_counted_in_the_budget(client: httpx.AsyncClient, policy: Policy) -> None:
    assert (await client.post("/other", content=bytes(32 * KIB))).json() == [32 * KIB, 32 * KIB]
    assert policy.byte_budget.held == 0


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_a_body_without_a_meaning_is_not_read(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, IMAGES, content=bytes(KIB))
    assert response.json() == [0, 0]
