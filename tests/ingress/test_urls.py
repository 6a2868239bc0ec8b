"""Image URLs: fetched where that is harmless, refused where they would lead into the network behind the service."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest
import pytest_asyncio

from serve_app.fetch.addresses import IpAddress
from tests.fetch.server import Server, redirect, respond
from tests.fetch.server import running as serving
from tests.ingress.graph import Graph, running, top_class
from tests.ingress.pictures import BLUE, picture

URL = "/api/v1/classifications"


async def refusal(graph: Graph, url: str, path: str = URL) -> tuple[int, str, str]:
    """Status, code and detail of what is said to an image URL."""
    response = await graph.client.post(path, json={"image_url": url})
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"], response.json()["detail"]


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Graph]:
    """As shipped: no private network is allowed."""
    async with running(tmp_path_factory.mktemp("guarded")) as graph:
        yield graph


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graph(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Graph]:
    """One address of this machine is allowed. A server of each test has a port of its own, so their URLs differ."""
    async with running(tmp_path_factory.mktemp("graph"), fetch_allowed_networks="127.0.0.1/32") as graph:
        yield graph


@pytest_asyncio.fixture(loop_scope="module")
async def website() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest.mark.parametrize("path", [URL, "/classify-image", "/api/classify-image"])
async def test_this_machine_is_out_of_reach_unless_allowed(guarded: Graph, website: Server, path: str) -> None:
    website.answers["/a.png"] = respond(picture())
    status, code, _ = await refusal(guarded, f"http://127.0.0.1:{website.port}/a.png", path)
    assert (status, code) == (422, "forbidden_address")
    assert website.connections == 0


@pytest.mark.parametrize(
    "host",
    [
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
    ],
)
async def test_addresses_that_are_not_public(guarded: Graph, host: str) -> None:
    status, code, _ = await refusal(guarded, f"http://{host}/a.png")
    assert (status, code) == (422, "forbidden_address")


@pytest.mark.parametrize(
    "url",
    [
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
    ],
)
async def test_urls_that_are_none(graph: Graph, url: str) -> None:
    status, code, detail = await refusal(graph, url)
    assert (status, code) == (422, "bad_url")
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
    assert body["image"]["url"] == asked, "the report tells what was asked for"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "forbidden_address"),
        ("http://127.0.0.2:{port}/a.png", "forbidden_address"),
        ("http://[::1]:{port}/a.png", "forbidden_address"),
        ("ftp://127.0.0.1/a.png", "bad_url"),
        ("http://user:secret@127.0.0.1:{port}/a.png", "bad_url"),
        ("/loop", "fetch_failed"),
    ],
)
async def test_each_redirect_is_checked(graph: Graph, website: Server, target: str, code: str) -> None:
    website.answers["/loop"] = redirect(target.format(port=website.port))
    status, told, _ = await refusal(graph, f"http://127.0.0.1:{website.port}/loop")
    assert (status, told) == (422, code)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (respond(b"gone", "404 Not Found"), "404"),
        (respond(b"no", "500 Internal Server Error"), "500"),
        (respond(b"<html>" + b" " * 100), "no image"),
        (respond(b""), "nothing"),
        (respond(picture(), Content_Length=str(21 << 20)), "20 MiB"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + picture(), "failed"),
        (b"SSH-2.0-OpenSSH\r\n", "failed"),
    ],
)
async def test_fetches_that_fail(graph: Graph, website: Server, answer: bytes, detail: str) -> None:
    async def once(writer: object) -> None:
        assert hasattr(writer, "write")
        writer.write(answer)

    website.answers["/a"] = once
    status, code, told = await refusal(graph, f"http://127.0.0.1:{website.port}/a")
    assert (status, code) == (422, "fetch_failed")
    assert detail in told


async def test_nobody_listens(graph: Graph) -> None:
    assert (await refusal(graph, "http://127.0.0.1:1024/a.png"))[:2] == (422, "fetch_failed")


class Names:
    """A resolver whose answers change from one question to the next."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> list[IpAddress]:
        self.asked.append(host)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if not answer:
            raise OSError("no such name")
        return [ip_address(address) for address in answer]


async def test_rebinding_a_name_after_the_check(tmp_path: Path, website: Server) -> None:
    website.answers["/a.png"] = respond(picture(BLUE))
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with running(tmp_path, resolver=names, fetch_allowed_networks="127.0.0.1/32") as graph:
        url = f"http://rebinding.test:{website.port}/a.png"
        await graph.classify_json({"image_url": url})
        assert names.asked == ["rebinding.test"], "what was checked is what was connected to"
        assert b"rebinding.test" in website.requests[0]


async def test_a_name_with_one_forbidden_address_among_its_addresses(tmp_path: Path, website: Server) -> None:
    names = Names(["127.0.0.1", "169.254.169.254"])
    async with running(tmp_path, resolver=names, fetch_allowed_networks="127.0.0.1/32") as graph:
        told = await refusal(graph, f"http://mixed.test:{website.port}/a.png")
        assert told[:2] == (422, "forbidden_address")
        assert website.connections == 0


async def test_a_name_that_does_not_exist(tmp_path: Path) -> None:
    async with running(tmp_path, resolver=Names([])) as graph:
        assert (await refusal(graph, "http://nowhere.test/a.png"))[:2] == (422, "fetch_failed")


async def test_the_deadline_holds_for_the_fetch(graph: Graph, website: Server) -> None:
    async def silent(_writer: object) -> None:
        await asyncio.sleep(30)

    website.answers["/a.png"] = silent
    response = await graph.client.post(
        URL,
        json={"image_url": f"http://127.0.0.1:{website.port}/a.png"},
        headers={"X-Request-Timeout": "0.2"},
    )
    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")
