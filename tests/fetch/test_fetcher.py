"""Addresses, redirects, TLS and the request of the fetcher."""

import asyncio
import time
from ipaddress import ip_address, ip_network

import httpcore
import pytest

from serve_app.errors import BadUrl, FetchFailed, ForbiddenAddress, RaylensError
from serve_app.fetch import backend as backend_module
from serve_app.fetch.resolver import SystemResolver
from tests.fetch.fetching import IMAGE, Names, fetch, fetching, refused
from tests.fetch.server import Server, Tls, redirect, respond, running


async def test_an_image_is_returned_unchanged(server: Server):
    server.answers["/image?size=1"] = respond(IMAGE)
    assert await fetch(server, "/image?size=1#part") == IMAGE


async def test_the_request_contains_no_private_data(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    server.answers["/image"] = respond(IMAGE, Set_Cookie="a=b")
    async with fetching() as fetcher:
        for _ in range(2):
            await fetcher.fetch(f"http://127.0.0.1:{server.port}/image", deadline=time.time() + 30)
    head = server.requests[1].decode().lower().splitlines()
    assert sorted(line.split(":")[0] for line in head[1:] if line) == [
        "accept",
        "accept-encoding",
        "host",
        "user-agent",
    ]
    assert "accept-encoding: identity" in head
    assert any(line.startswith("user-agent: raylens/") for line in head)
    assert server.connections == 1


async def test_the_name_stays_in_the_host_header(server: Server):
    server.answers["/image"] = respond(IMAGE)
    await fetch(server, host="images.example.", resolver=Names(images_example=["127.0.0.1"]))
    assert f"Host: images.example:{server.port}".encode() in server.requests[0]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254"]
)
async def test_private_addresses_are_rejected(server: Server, host: str):
    await refused(server, ForbiddenAddress, "may not reach", host=host, allowed=())
    assert server.connections == 0


async def test_one_forbidden_address_among_allowed_ones_is_rejected(server: Server):
    names = Names(images_example=["127.0.0.1 10.0.0.1"])
    with pytest.raises(ForbiddenAddress) as caught:
        await fetch(server, host="images.example", resolver=names)
    assert "images.example" in str(caught.value)
    assert "10.0.0.1" not in str(caught.value)
    assert server.connections == 0


async def test_a_second_dns_answer_is_never_used(server: Server):
    """DNS rebinding: good when it is checked, loopback when it is connected to."""
    names = Names(images_example=["127.0.0.1", "127.0.0.2"])
    server.answers["/image"] = respond(IMAGE)
    await fetch(server, host="images.example", resolver=names)
    assert names.asked == ["images.example"]
    assert server.connections == 1


async def test_every_new_connection_is_checked(server: Server):
    names = Names(images_example=["127.0.0.1", "127.0.0.2"])
    server.answers["/image"] = respond(IMAGE, Connection="close")
    async with fetching(resolver=names) as fetcher:
        url = f"http://images.example:{server.port}/image"
        assert await fetcher.fetch(url, deadline=time.time() + 30) == IMAGE
        await asyncio.sleep(0.05)
        with pytest.raises(ForbiddenAddress):
            await fetcher.fetch(url, deadline=time.time() + 30)


async def test_the_next_address_is_tried_if_one_fails(server: Server):
    server.answers["/image"] = respond(IMAGE)
    names = Names(images_example=["127.0.0.2 127.0.0.1"])
    assert await fetch(server, host="images.example", resolver=names, allowed=[ip_network("127.0.0.0/8")]) == IMAGE


async def test_a_silent_address_leaves_time_for_the_next_one(server: Server, monkeypatch: pytest.MonkeyPatch):
    connect = httpcore.AnyIOBackend.connect_tcp

    async def silent(self, host, port, timeout, *rest):
        if host == "127.0.0.2":
            await asyncio.sleep(timeout)
            raise httpcore.ConnectTimeout
        return await connect(self, host, port, timeout, *rest)

    monkeypatch.setattr(backend_module, "_ATTEMPT_S", 0.5)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", silent)
    server.answers["/image"] = respond(IMAGE)
    names = Names(images_example=["127.0.0.2 127.0.0.1"])
    both = [ip_network("127.0.0.0/8")]
    assert await fetch(server, host="images.example", resolver=names, allowed=both, timeout_s=10) == IMAGE


async def test_three_redirects_are_followed(server: Server):
    server.answers |= {"/1": redirect("/2", "301 Moved"), "/2": redirect("3", "307 Temporary Redirect")}
    server.answers |= {"/3": redirect(f"http://127.0.0.1:{server.port}/4", "308 Permanent Redirect")}
    server.answers["/4"] = respond(IMAGE)
    assert await fetch(server, "/1") == IMAGE


async def test_a_fourth_redirect_is_rejected(server: Server):
    server.answers |= {f"/{n}": redirect(f"/{n + 1}") for n in range(1, 6)}
    await refused(server, FetchFailed, "more than 3 times", path="/1")
    assert len(server.requests) == 4


async def test_a_redirect_loop_ends(server: Server):
    server.answers["/image"] = redirect("/image")
    await refused(server, FetchFailed, "more than 3 times")


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://127.0.0.2/", ForbiddenAddress),
        ("http://169.254.169.254/latest/meta-data/", ForbiddenAddress),
        ("http://[::1]/", ForbiddenAddress),
        ("//internal.example/", ForbiddenAddress),
        ("file:///etc/passwd", BadUrl),
        ("http://user:password@127.0.0.1/", BadUrl),
        ("http://2130706433/", BadUrl),
        ("http://[", BadUrl),
        ("http://a b/", BadUrl),
    ],
)
async def test_every_redirect_is_checked(server: Server, location: str, error: type[RaylensError]):
    server.answers["/image"] = redirect(location)
    await refused(
        server,
        error,
        ".",
        host="images.example",
        resolver=Names(images_example=["127.0.0.1"], internal_example=["10.0.0.1"]),
    )


async def test_a_closed_port_is_a_failed_fetch():
    async with running() as server:
        pass
    await refused(server, FetchFailed, "does not answer")


async def test_an_unknown_name_is_a_failed_fetch(server: Server):
    async def unknown(host: str):
        raise OSError("no such name")

    await refused(server, FetchFailed, "nowhere.example cannot be resolved", host="nowhere.example", resolver=unknown)


async def test_tls_uses_the_host_name(tls: Tls):
    server, trusting = tls
    server.answers["/image"] = respond(IMAGE)
    names = Names(images_example=["127.0.0.1"], other_example=["127.0.0.1"])
    async with fetching(resolver=names, ssl_context=trusting) as fetcher:
        url = f"https://images.example:{server.port}/image"
        assert await fetcher.fetch(url, deadline=time.time() + 30) == IMAGE
        with pytest.raises(FetchFailed, match=r"certificate of other\.example is not trusted: Hostname mismatch"):
            await fetcher.fetch(url.replace("images", "other"), deadline=time.time() + 30)


async def test_an_untrusted_certificate_is_a_failed_fetch(tls: Tls):
    async with fetching(resolver=Names(images_example=["127.0.0.1"])) as fetcher:
        with pytest.raises(FetchFailed, match=r"images\.example is not trusted: self-signed certificate\."):
            await fetcher.fetch(f"https://images.example:{tls[0].port}/image", deadline=time.time() + 30)


async def test_a_server_without_tls_is_a_failed_fetch():
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(respond(status="400 Bad Request"))
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listener, fetching() as fetcher:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(FetchFailed, match=r"No encrypted connection to 127\.0\.0\.1 was possible: wrong version"):
            await fetcher.fetch(f"https://127.0.0.1:{port}/image", deadline=time.time() + 30)


async def test_the_system_resolver_resolves_localhost():
    assert ip_address("127.0.0.1") in await SystemResolver()("localhost")


async def test_concurrent_fetches_share_the_pool(server: Server):
    server.answers["/image"] = respond(IMAGE)
    async with fetching() as fetcher:
        url = f"http://127.0.0.1:{server.port}/image"
        bodies = await asyncio.gather(*(fetcher.fetch(url, deadline=time.time() + 30) for _ in range(150)))
    assert set(bodies) == {IMAGE}
