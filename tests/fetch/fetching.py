"""A fetcher that may reach loopback, and a fake resolver."""

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from ipaddress import ip_address, ip_network

import httpx
import pytest

from serve_app.errors import RaylensError
from serve_app.fetch import Fetcher
from serve_app.images.sample import sample
from tests.fetch.server import Server

LOOPBACK = ip_network("127.0.0.1/32")
IMAGE = sample("JPEG")


@cache
def certificates() -> ssl.SSLContext:
    """Those of the system, read once."""
    return httpx.create_ssl_context(trust_env=False)


class Names:
    """A resolver with prepared answers; the last answer is repeated."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = {name.replace("_", "."): addresses for name, addresses in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str):
        self.asked.append(host)
        left = self.answers[host]
        return [ip_address(part) for part in (left.pop(0) if len(left) > 1 else left[0]).split()]


@asynccontextmanager
async def fetching(**options) -> AsyncIterator[Fetcher]:
    options.setdefault("ssl_context", certificates())
    async with Fetcher(options.pop("allowed", [LOOPBACK]), **options) as fetcher:
        yield fetcher


async def fetch(server: Server, path: str = "/image", *, host: str = "127.0.0.1", **options) -> bytes:
    async with fetching(**options) as fetcher:
        return await fetcher.fetch(f"http://{host}:{server.port}{path}", deadline=time.time() + 30)


async def refused(server: Server, error: type[RaylensError], match: str, **options) -> None:
    with pytest.raises(error, match=match):
        await fetch(server, **options)
