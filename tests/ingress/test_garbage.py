"""Requests leave nothing for the garbage collector: a full collection stops the event loop of a replica for long."""

import asyncio
import gc
from collections import Counter
from pathlib import Path

import pytest

from serve_app.config import BuildArguments, QueueArguments
from tests.ingress.graph import running, until
from tests.ingress.http_server import HOST, serving
from tests.ingress.pictures import different, picture

REQUESTS = 40
_IMAGES = "/api/v1/classifications"
_MULTIPART = {"Content_Type": "multipart/form-data; boundary=X"}
_PART = b'--X\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + picture() + b"\r\n"


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


KINDS = {
    "classification": (201, request("POST", f"{_IMAGES}?cache=off", picture())),
    "cached": (201, request("POST", _IMAGES, picture())),
    "multipart": (201, request("POST", _IMAGES, _PART + b"--X--\r\n", **_MULTIPART)),
    "malformed multipart": (400, request("POST", _IMAGES, _PART, **_MULTIPART)),
    "no image": (415, request("POST", _IMAGES, b"text")),
    "invalid JSON": (400, request("POST", _IMAGES, b"{", Content_Type="application/json")),
    "unknown model": (404, request("POST", f"{_IMAGES}?model=other", picture())),
    "several images": (
        201,
        request("POST", _IMAGES, b'{"images": [{"image_base64": "AAAA"}, {}, 3]}', Content_Type="application/json"),
    ),
    "too large": (413, request("POST", "/api/v1/session", bytes(200 << 10))),
    "unknown host": (421, request("GET", "/api/v1/top").replace(HOST.encode(), b"other.example")),
    "unknown path": (404, request("GET", "/api/v1/nothing")),
    "Top 10": (200, request("GET", "/api/v1/top")),
    "forged token": (401, request("GET", "/api/v1/classifications", Authorization="Bearer rlk_forged")),
}


async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes) -> int:
    writer.write(content)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))
    return int(head.split()[1])


async def garbage_of(port: int, kind: str, expected: int = 0) -> Counter[str]:
    """The types of objects that only the garbage collector could free, at least one per request of the kind."""
    status, content = KINDS[kind]
    status = expected or status
    reader, writer = await asyncio.open_connection(HOST, port)
    for _ in range(5):
        assert await send(reader, writer, content) == status
    gc.collect()
    gc.disable()
    try:
        for _ in range(REQUESTS):
            assert await send(reader, writer, content) == status
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = Counter(type(each).__qualname__ for each in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        writer.close()
    return Counter({name: count for name, count in found.items() if count >= REQUESTS})


async def test_requests_leave_no_garbage(tmp_path: Path, subtests: pytest.Subtests) -> None:
    arguments = BuildArguments(queue=QueueArguments(max_waiting=1))
    async with running(tmp_path, arguments=arguments) as graph, serving(graph.app) as port:
        for kind in KINDS:
            with subtests.test(kind):
                assert await garbage_of(port, kind) == {}

        graph.runtime.close_gate()
        (queue,) = (model.queue for model in graph.gateway.models.values())
        filling = [asyncio.create_task(graph.classify(data, cache="off")) for data in different(queue.slots[0] + 1)]
        await until(lambda: queue.waiting_images == 1)
        with subtests.test("overloaded"):
            assert await garbage_of(port, "classification", expected=503) == {}
        graph.runtime.gate.set()
        await asyncio.gather(*filling)
