"""Image URLs: fetched from public addresses, rejected if they lead to internal networks."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import pytest
import pytest_asyncio

from serve_app.fetch.addresses import IpAddress
from tests.fetch.server import Server, redirect, respond
from tests.fetch.server import running as serving
from tests.ingress.graph import Graph, running, top_class
from tests.ingress.pictures import BLUE, picture
from tests.servers.forward_proxy import forwarding

URL = "/api/v1/classifications"


async def rejection(graph: Graph, url: str, path: str = URL) -> tuple[int, str, str]:
    """Status, code and detail of the problem for an image URL."""
    response = await graph.client.post(path, json={"image_url": url})
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"], response.json()["detail"]


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Graph]:
    """The default configuration: no private network is allowed."""
    async with running(tmp_path_factory.mktemp("guarded")) as graph:
        yield graph


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graph(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Graph]:
    """127.0.0.1 is allowed. Every test has a server with its own port, so URLs differ."""
    async with running(tmp_path_factory.mktemp("graph"), fetch_allowed_networks="127.0.0.1/32") as graph:
        yield graph


@pytest_asyncio.fixture(loop_scope="module")
async def website() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


async def test_the_local_machine_is_forbidden_by_default(guarded: Graph, website: Server) -> None:
    website.answers["/a.png"] = respond(picture())
    for path in (URL, "/classify-image", "/api/classify-image"):
        status, code, _ = await rejection(guarded, f"http://127.0.0.1:{website.port}/a.png", path)
        assert (status, code) == (422, "forbidden_address")
    assert website.connections == 0


async def test_addresses_that_are_not_public_are_forbidden(guarded: Graph) -> None:
    for host in (
        "localhost",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
    ):
        status, code, _ = await rejection(guarded, f"http://{host}/a.png")
        assert (status, code) == (422, "forbidden_address"), host


async def test_bad_urls_are_rejected(graph: Graph) -> None:
    for url in (
        "ftp://example.org/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,aaaa",
        "http://",
        "//example.org/a.png",
        "example.org/a.png",
        "http://user:secret@example.org/a.png",
        "http://example.org:22/a.png",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://exa mple.org/",
        "http://example.org\\@127.0.0.1/",
        "http://a.test/" + "x" * 5000,
        "javascript:alert(1)",
        "http://☃☃☃.example:22/",
    ):
        status, code, detail = await rejection(graph, url)
        assert (status, code) == (422, "bad_url"), url
        assert "secret" not in detail


async def test_a_redirect_is_followed(graph: Graph, website: Server) -> None:
    website.answers |= {
        "/1": redirect("/2"),
        "/2": redirect(f"http://127.0.0.1:{website.port}/3"),
        "/3": redirect("/a.png"),
        "/a.png": respond(picture(BLUE)),
    }
    asked = f"http://127.0.0.1:{website.port}/1"
    body = (await graph.classify_json({"image_url": asked})).json()
    assert body["predictions"][0]["index"] == top_class(BLUE)
    assert body["image"]["url"] == asked, "the requested URL is reported"


async def test_every_redirect_is_checked(graph: Graph, website: Server) -> None:
    for target, code in (
        ("http://169.254.169.254/latest/meta-data/", "forbidden_address"),
        ("http://127.0.0.2:{port}/a.png", "forbidden_address"),
        ("http://[::1]:{port}/a.png", "forbidden_address"),
        ("ftp://127.0.0.1/a.png", "bad_url"),
        ("http://user:secret@127.0.0.1:{port}/a.png", "bad_url"),
        ("/loop", "fetch_failed"),
    ):
        website.answers["/loop"] = redirect(target.format(port=website.port))
        status, found, _ = await rejection(graph, f"http://127.0.0.1:{website.port}/loop")
        assert (status, found) == (422, code), target


async def test_failed_fetches_are_reported_with_their_reason(graph: Graph, website: Server) -> None:
    for answer, detail in (
        (respond(b"gone", "404 Not Found"), "404"),
        (respond(b"no", "500 Internal Server Error"), "500"),
        (respond(b"<html>" + b" " * 100), "no image"),
        (respond(b""), "nothing"),
        (respond(picture(), Content_Length=str(21 << 20)), "20 MiB"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + picture(), "failed"),
        (b"SSH-2.0-OpenSSH\r\n", "failed"),
    ):
        website.answers["/a"] = partial(_write, answer)
        status, code, found = await rejection(graph, f"http://127.0.0.1:{website.port}/a")
        assert (status, code) == (422, "fetch_failed")
        assert detail in found


async def _write(answer: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer)


async def test_a_refused_connection_fails_the_fetch(graph: Graph) -> None:
    assert (await rejection(graph, "http://127.0.0.1:1024/a.png"))[:2] == (422, "fetch_failed")


class Names:
    """A resolver with a sequence of answers."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> list[IpAddress]:
        self.asked.append(host)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if not answer:
            raise OSError("no such name")
        return [ip_address(address) for address in answer]


async def test_dns_rebinding_has_no_effect(tmp_path: Path, website: Server) -> None:
    website.answers["/a.png"] = respond(picture(BLUE))
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with running(tmp_path, resolver=names, fetch_allowed_networks="127.0.0.1/32") as graph:
        url = f"http://rebinding.test:{website.port}/a.png"
        await graph.classify_json({"image_url": url})
        assert names.asked == ["rebinding.test"], "connects to the address that was checked"
        assert b"rebinding.test" in website.requests[0]


async def test_a_name_with_one_forbidden_address_is_forbidden(tmp_path: Path, website: Server) -> None:
    names = Names(["127.0.0.1", "169.254.169.254"])
    async with running(tmp_path, resolver=names, fetch_allowed_networks="127.0.0.1/32") as graph:
        result = await rejection(graph, f"http://mixed.test:{website.port}/a.png")
        assert result[:2] == (422, "forbidden_address")
        assert website.connections == 0


async def test_an_unknown_host_fails_the_fetch(tmp_path: Path) -> None:
    async with running(tmp_path, resolver=Names([])) as graph:
        assert (await rejection(graph, "http://nowhere.test/a.png"))[:2] == (422, "fetch_failed")


async def test_the_deadline_applies_to_the_fetch(graph: Graph, website: Server) -> None:
    async def silent(_writer: object) -> None:
        await asyncio.sleep(30)

    website.answers["/a.png"] = silent
    response = await graph.client.post(
        URL,
        json={"image_url": f"http://127.0.0.1:{website.port}/a.png"},
        headers={"X-Request-Timeout": "0.2"},
    )
    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")


async def test_images_are_fetched_through_the_proxy_of_the_settings(tmp_path: Path, website: Server) -> None:
    website.answers["/a.png"] = respond(picture(BLUE))
    url = f"http://images.example:{website.port}/a.png"
    with forwarding({"images.example": "127.0.0.1"}) as proxy:
        async with running(tmp_path, fetch_proxy=proxy.url) as graph:
            assert (await graph.classify_json({"image_url": url})).status_code == 201
            assert (await rejection(graph, "http://metadata.google.internal/"))[1] == "forbidden_address"
        assert proxy.targets == [f"GET {url}"]
