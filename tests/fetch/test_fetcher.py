import asyncio
import gzip
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path

import httpcore
import pytest

from serve_app.errors import BadUrl, DeadlineExceeded, FetchFailed, ForbiddenAddress, RaylensError
from serve_app.fetch import Fetcher
from serve_app.fetch import backend as backend_module
from serve_app.fetch.backend import resolve
from serve_app.images.limits import MAX_IMAGE_BYTES
from serve_app.images.sample import sample
from tests.fetch.certificate import certified
from tests.fetch.server import Server, redirect, respond, running

LOOPBACK = ip_network("127.0.0.1/32")
IMAGE = sample("JPEG")


class Names:
    """A resolver whose answers a test decides; the last one stays."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = {name.replace("_", "."): addresses for name, addresses in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str):
        self.asked.append(host)
        left = self.answers[host]
        return [ip_address(part) for part in (left.pop(0) if len(left) > 1 else left[0]).split()]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with running() as server:
        yield server


Tls = tuple[Server, ssl.SSLContext]
"""A server, and the context of a client that trusts it."""


@pytest.fixture
async def tls(tmp_path: Path) -> AsyncIterator[Tls]:
    certificate = certified("images.example", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with running(context) as server:
        yield server, ssl.create_default_context(cafile=str(certificate))


@asynccontextmanager
async def fetching(**options) -> AsyncIterator[Fetcher]:
    async with Fetcher(options.pop("allowed", [LOOPBACK]), **options) as fetcher:
        yield fetcher


async def fetch(server: Server, path: str = "/image", *, host: str = "127.0.0.1", **options) -> bytes:
    async with fetching(**options) as fetcher:
        return await fetcher.fetch(f"http://{host}:{server.port}{path}", deadline=time.time() + 30)


async def refused(server: Server, error: type[RaylensError], match: str, **options) -> None:
    with pytest.raises(error, match=match):
        await fetch(server, **options)


async def test_an_image_comes_as_it_is(server: Server):
    server.answers["/image?size=1"] = respond(IMAGE)
    assert await fetch(server, "/image?size=1#part") == IMAGE


async def test_the_request_gives_nothing_away(server: Server, monkeypatch: pytest.MonkeyPatch):
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
async def test_private_addresses_are_refused(server: Server, host: str):
    await refused(server, ForbiddenAddress, "may not reach", host=host, allowed=())
    assert server.connections == 0


async def test_one_forbidden_address_among_good_ones_is_enough(server: Server):
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


async def test_each_new_connection_is_checked_anew(server: Server):
    names = Names(images_example=["127.0.0.1", "127.0.0.2"])
    server.answers["/image"] = respond(IMAGE, Connection="close")
    async with fetching(resolver=names) as fetcher:
        url = f"http://images.example:{server.port}/image"
        assert await fetcher.fetch(url, deadline=time.time() + 30) == IMAGE
        await asyncio.sleep(0.05)
        with pytest.raises(ForbiddenAddress):
            await fetcher.fetch(url, deadline=time.time() + 30)


async def test_the_next_address_is_tried_where_one_does_not_answer(server: Server):
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

    monkeypatch.setattr(backend_module, "_ATTEMPT_S", 0.1)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", silent)
    server.answers["/image"] = respond(IMAGE)
    names = Names(images_example=["127.0.0.2 127.0.0.1"])
    both = [ip_network("127.0.0.0/8")]
    assert await fetch(server, host="images.example", resolver=names, allowed=both, timeout_s=2) == IMAGE


async def test_three_redirects_are_followed(server: Server):
    server.answers |= {"/1": redirect("/2", "301 Moved"), "/2": redirect("3", "307 Temporary Redirect")}
    server.answers |= {"/3": redirect(f"http://127.0.0.1:{server.port}/4", "308 Permanent Redirect")}
    server.answers["/4"] = respond(IMAGE)
    assert await fetch(server, "/1") == IMAGE


async def test_a_fourth_redirect_is_refused(server: Server):
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
async def test_each_redirect_is_checked(server: Server, location: str, error: type[RaylensError]):
    server.answers["/image"] = redirect(location)
    await refused(
        server,
        error,
        ".",
        host="images.example",
        resolver=Names(images_example=["127.0.0.1"], internal_example=["10.0.0.1"]),
    )


@pytest.mark.parametrize(
    "status", ["204 No Content", "206 Partial Content", "300 Choices", "304 Not Modified", "404 Not Found", "503 Busy"]
)
async def test_the_upstream_status_is_told(server: Server, status: str):
    server.answers["/image"] = respond(status=status)
    await refused(server, FetchFailed, f"status {status[:3]}")


async def test_a_page_is_not_an_image_whatever_it_says(server: Server):
    server.answers["/image"] = respond(b"<!DOCTYPE html><p>" + b"x" * 5000, Content_Type="image/jpeg")
    await refused(server, FetchFailed, "HTML page")


async def test_an_empty_answer_is_not_an_image(server: Server):
    server.answers["/image"] = respond()
    await refused(server, FetchFailed, "sent nothing")


async def test_a_compressed_answer_is_refused_unread(server: Server):
    bomb = gzip.compress(bytes(50_000_000), 1)
    server.answers["/image"] = respond(bomb, Content_Encoding="gzip")
    await refused(server, FetchFailed, r"compressed \(gzip\)")


async def test_a_huge_content_length_is_refused_at_once(server: Server):
    server.answers["/image"] = respond(IMAGE, Content_Length=str(MAX_IMAGE_BYTES + 1))
    await refused(server, FetchFailed, "20 MiB")


async def test_an_endless_body_is_read_no_further_than_the_limit(server: Server):
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = IMAGE.ljust(1 << 20, b"\0")
        while True:
            writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            await writer.drain()
            sent += len(chunk)

    server.answers["/image"] = endless
    await refused(server, FetchFailed, "20 MiB")
    assert sent < MAX_IMAGE_BYTES + (12 << 20)


async def test_an_endless_page_is_read_no_further_than_its_beginning(server: Server):
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n<html>")
        while True:
            writer.write(b" " * 1024)
            await writer.drain()
            await asyncio.sleep(0)

    server.answers["/image"] = endless
    await refused(server, FetchFailed, "HTML page")


@pytest.mark.parametrize(
    "part", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + IMAGE[:4]]
)
async def test_a_slow_drip_is_cut(server: Server, part: bytes):
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(part)
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.02)

    server.answers["/image"] = drip
    started = time.monotonic()
    await refused(server, FetchFailed, r"more than 0.3 s", timeout_s=0.3)
    assert time.monotonic() - started < 1


async def test_a_deadline_that_passes_meanwhile_is_told_as_such(server: Server):
    async def silence(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)

    server.answers["/image"] = silence
    async with fetching() as fetcher:
        with pytest.raises(DeadlineExceeded):
            await fetcher.fetch(f"http://127.0.0.1:{server.port}/image", deadline=time.time() + 0.2)


async def test_nothing_is_fetched_after_the_deadline(server: Server):
    async with fetching(clock=lambda: 100.0) as fetcher:
        with pytest.raises(DeadlineExceeded):
            await fetcher.fetch(f"http://127.0.0.1:{server.port}/image", deadline=99.0)
    assert server.connections == 0


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + IMAGE]
)
async def test_a_broken_answer_is_a_failed_fetch(server: Server, answer: bytes):
    async def broken(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    server.answers["/image"] = broken
    await refused(server, FetchFailed, "connection to 127.0.0.1 failed")


async def test_a_closed_port_is_a_failed_fetch():
    async with running() as server:
        pass
    await refused(server, FetchFailed, "does not answer")


async def test_an_unknown_name_is_a_failed_fetch(server: Server):
    async def unknown(host: str):
        raise OSError("no such name")

    await refused(server, FetchFailed, "nowhere.example cannot be resolved", host="nowhere.example", resolver=unknown)


async def test_tls_sees_the_name(tls: Tls):
    server, trusting = tls
    server.answers["/image"] = respond(IMAGE)
    names = Names(images_example=["127.0.0.1"], other_example=["127.0.0.1"])
    async with fetching(resolver=names, ssl_context=trusting) as fetcher:
        url = f"https://images.example:{server.port}/image"
        assert await fetcher.fetch(url, deadline=time.time() + 30) == IMAGE
        with pytest.raises(FetchFailed, match=r"connection to other\.example failed"):
            await fetcher.fetch(url.replace("images", "other"), deadline=time.time() + 30)


async def test_an_untrusted_certificate_is_a_failed_fetch(tls: Tls):
    async with fetching(resolver=Names(images_example=["127.0.0.1"])) as fetcher:
        with pytest.raises(FetchFailed, match="failed"):
            await fetcher.fetch(f"https://images.example:{tls[0].port}/image", deadline=time.time() + 30)


async def test_the_system_resolver_knows_loopback():
    assert ip_address("127.0.0.1") in await resolve("localhost")


async def test_many_fetches_at_once_share_the_pool(server: Server):
    server.answers["/image"] = respond(IMAGE)
    async with fetching() as fetcher:
        url = f"http://127.0.0.1:{server.port}/image"
        bodies = await asyncio.gather(*(fetcher.fetch(url, deadline=time.time() + 30) for _ in range(150)))
    assert set(bodies) == {IMAGE}
