"""Image URLs through a real forward proxy, which resolves names in place of Raylens."""

import base64
import time
from collections.abc import Iterator

import pytest

from serve_app.errors import FetchFailed, ForbiddenAddress, RaylensError
from tests.fetch.fetching import IMAGE, LOOPBACK, fetching
from tests.fetch.server import Server, Tls, redirect, respond
from tests.servers.forward_proxy import ForwardProxy, forwarding
from tests.servers.process import free_port

HOSTS = {"images.example": "127.0.0.1", "other.example": "127.0.0.1"}


@pytest.fixture
def proxy() -> Iterator[ForwardProxy]:
    with forwarding(HOSTS) as proxy:
        yield proxy


async def fetch(url: str, proxy: str, **options) -> bytes:
    async with fetching(proxy=proxy, **{"allowed": ()} | options) as fetcher:
        return await fetcher.fetch(url, deadline=time.time() + 30)


async def test_the_proxy_resolves_names(server: Server, proxy: ForwardProxy) -> None:
    base = f"http://images.example:{server.port}"
    server.answers |= {"/a?q=1": redirect(f"http://other.example:{server.port}/b"), "/b": respond(IMAGE)}
    assert await fetch(f"{base}/a?q=1", proxy.url) == IMAGE
    assert proxy.targets == [f"GET {base}/a?q=1", f"GET http://other.example:{server.port}/b"]


async def test_https_is_tunnelled_and_verified(tls: Tls, proxy: ForwardProxy) -> None:
    server, trusting = tls
    server.answers["/image"] = respond(IMAGE)
    url = f"https://images.example:{server.port}/image"
    assert await fetch(url, proxy.url.replace("//", "//ada:p%40ss@"), ssl_context=trusting) == IMAGE
    (head,) = proxy.requests
    assert head.startswith(f"CONNECT images.example:{server.port} ")
    assert f"Basic {base64.b64encode(b'ada:p@ss').decode()}" in head
    assert b"proxy-authorization" not in server.requests[0].lower()
    for wrong in (url.replace("images", "other"), url):
        with pytest.raises(FetchFailed, match="is not trusted"):
            await fetch(wrong, proxy.url, **({"ssl_context": trusting} if wrong != url else {}))


PRIVATE = [
    *("127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[fd00::1]", "[::ffff:10.0.0.1]"),
    *("localhost", "LocalHost.", "a.localhost", "redis", "metadata.google.internal", "kubernetes.default.svc"),
    *("printer.local", "raylens-redis.raylens.svc.cluster.local", "router.lan"),
]


@pytest.mark.parametrize("host", PRIVATE)
async def test_private_addresses_and_names_never_reach_the_proxy(
    server: Server, proxy: ForwardProxy, host: str
) -> None:
    server.answers["/image"] = redirect(f"http://{host}/")
    for url in (f"http://{host}/", f"http://images.example:{server.port}/image"):
        with pytest.raises(ForbiddenAddress, match="may not reach"):
            await fetch(url, proxy.url)
    assert proxy.targets == [f"GET http://images.example:{server.port}/image"]


async def test_allowed_networks_apply_to_addresses(server: Server, proxy: ForwardProxy) -> None:
    server.answers["/image"] = respond(IMAGE)
    url = f"http://127.0.0.1:{server.port}/image"
    assert await fetch(url, proxy.url, allowed=[LOOPBACK]) == IMAGE
    assert proxy.targets == [f"GET {url}"]


@pytest.mark.parametrize(
    ("refusal", "url", "reason"),
    [
        ("403 Forbidden", "http://images.example/", r"images\.example answered with status 403"),
        ("407 Login", "http://images.example/", r"status 407"),
        ("403 Forbidden", "https://images.example/", r"proxy for images refuses .*images\.example \(403 Forbidden\)"),
        ("407 Login", "https://images.example/", r"\(407 Login\)"),
    ],
)
async def test_what_the_proxy_refuses_is_a_failed_fetch(
    proxy: ForwardProxy, refusal: str, url: str, reason: str
) -> None:
    proxy.refusal = f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n".encode()
    with pytest.raises(FetchFailed, match=reason):
        await fetch(url, proxy.url)


async def test_a_dead_proxy_is_a_failed_fetch_and_there_is_no_way_around_it(server: Server) -> None:
    server.answers["/image"] = respond(IMAGE)
    for url in (f"http://127.0.0.1:{server.port}/image", "https://images.example/"):
        with pytest.raises(FetchFailed, match="The proxy for images does not answer"):
            await fetch(url, f"http://127.0.0.1:{free_port()}", allowed=[LOOPBACK])
    assert server.connections == 0


async def test_bad_urls_stay_bad(proxy: ForwardProxy) -> None:
    for url in ("ftp://images.example/", "http://user:secret@images.example/", "http://images.example:22/"):
        with pytest.raises(RaylensError) as caught:
            await fetch(url, proxy.url)
        assert caught.value.code == "bad_url"
    assert proxy.targets == []


async def test_a_kept_connection_to_the_proxy_is_replaced(server: Server, proxy: ForwardProxy) -> None:
    server.answers["/image"] = respond(IMAGE)
    async with fetching(proxy=proxy.url, allowed=()) as fetcher:
        for _ in range(3):
            url = f"http://images.example:{server.port}/image"
            assert await fetcher.fetch(url, deadline=time.time() + 30) == IMAGE
            server.close_connections()
