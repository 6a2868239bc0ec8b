"""Responses that are no image, too large, too slow or malformed are rejected."""

import asyncio
import gzip
import time
import zlib
from functools import partial

import pytest

from serve_app.errors import DeadlineExceeded, FetchFailed
from serve_app.images.limits import MAX_IMAGE_BYTES
from tests.fetch.fetching import IMAGE, fetch, fetching, refused
from tests.fetch.server import Server, closing, respond


@pytest.mark.parametrize(
    "status", ["204 No Content", "206 Partial Content", "300 Choices", "304 Not Modified", "404 Not Found", "503 Busy"]
)
async def test_the_error_contains_the_upstream_status(server: Server, status: str):
    server.answers["/image"] = respond(status=status)
    await refused(server, FetchFailed, f"status {status[:3]}")


async def test_a_page_is_not_an_image_despite_its_content_type(server: Server):
    server.answers["/image"] = respond(b"<!DOCTYPE html><p>" + b"x" * 5000, Content_Type="image/jpeg")
    await refused(server, FetchFailed, "HTML page")


async def test_an_empty_response_is_not_an_image(server: Server):
    server.answers["/image"] = respond()
    await refused(server, FetchFailed, "sent nothing")


gzipped = partial(gzip.compress, compresslevel=1, mtime=0)
"""The same bytes at any time, because the names of the tests contain their length."""
CODINGS = {
    "gzip": gzipped(IMAGE),
    "x-gzip, identity": gzipped(IMAGE[:100]) + gzipped(IMAGE[100:]) + b"\0\0",
    "GZIP": gzipped(IMAGE),
    "deflate": zlib.compress(IMAGE),
    "deflate ,": zlib.compress(IMAGE)[2:-4],  # without the header and the checksum
    "deflate, gzip": gzipped(zlib.compress(IMAGE)),
}


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_compressed_image_is_decompressed(server: Server, coding: str):
    server.answers["/image"] = respond(CODINGS[coding], Content_Encoding=coding, Vary="Accept-Encoding")
    assert await fetch(server) == IMAGE


@pytest.mark.parametrize(
    "coding", ["none", "utf-8", "binary", "identity, gzip", "gzip", "deflate", "br", "zstd", "aws-chunked", "", "ü"]
)
async def test_a_wrong_coding_of_an_uncompressed_image_is_ignored(server: Server, coding: str):
    server.answers["/image"] = respond(IMAGE, Content_Encoding=coding)
    assert await fetch(server) == IMAGE


@pytest.mark.parametrize(
    ("body", "coding", "reason"),
    [
        (b"\x1b\x06\x00\xf8", "br", r"compressed \(br\) although it was asked not to"),
        (b"\x28\xb5\x2f\xfd", "identity, zstd", r"compressed \(zstd\)"),
        (gzipped(IMAGE)[:-20], "gzip", r"damaged body \(gzip\)"),
        (zlib.compress(IMAGE)[:50], "deflate", r"damaged body \(deflate\)"),
        (b"\x1f\x8bnonsense", "gzip", r"damaged body \(gzip\)"),
        (b"", "gzip", "sent nothing"),
        (gzipped(b"<html>"), "gzip", "HTML page"),
        (b"<html>", "utf-8", "HTML page"),
        (gzipped(IMAGE + bytes(50_000_000)), "gzip", "20 MiB"),
        (gzipped(gzipped(IMAGE + bytes(50_000_000))), "gzip, gzip", "20 MiB"),
        (gzipped(bytes(50_000_000)), "gzip", "not an image of a known format"),
    ],
)
async def test_what_is_compressed_and_no_image_is_rejected(server: Server, body: bytes, coding: str, reason: str):
    server.answers["/image"] = respond(body, Content_Encoding=coding)
    await refused(server, FetchFailed, reason)


async def test_several_headers_of_codings(server: Server):
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    server.answers["/image"] = closing(head + gzipped(zlib.compress(IMAGE)))
    assert await fetch(server) == IMAGE


LENGTH = b"Content-Length: %d\r\n" % len(IMAGE)
EARLY = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
CHUNKS = b"5;name=value\r\n%s\r\n%x\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (IMAGE[:5], len(IMAGE) - 5, IMAGE[5:])
UNUSUAL = {
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n" + IMAGE,
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + IMAGE,
    "no length": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + IMAGE,
    "informational responses": EARLY + b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + IMAGE,
    "chunks with extensions and trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "long headers": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n" + LENGTH + b"\r\n" + IMAGE,
    "raw UTF-8": "HTTP/1.1 200 Schön\r\nX: schön\r\n\r\n".encode() + IMAGE,
    "the length twice": b"HTTP/1.1 200 OK\r\n" + LENGTH * 2 + b"\r\n" + IMAGE,
    "203": b"HTTP/1.1 203 Transformed\r\n\r\n" + IMAGE,
    "wrong type": b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + IMAGE,
    "cookies": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nVary: *\r\n\r\n" + IMAGE,
}


@pytest.mark.parametrize("name", UNUSUAL)
async def test_an_unusual_response_is_read(server: Server, name: str):
    server.answers["/image"] = closing(UNUSUAL[name])
    assert await fetch(server) == IMAGE


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", "headers of the response are too long"),
        (b"\0\0\x12\4\0\0\0\0\0", "not valid HTTP/1.1"),  # HTTP/2 only
        (b"PRI * HTTP/2.0\r\n\r\n", "not valid HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + IMAGE, "closed it before the image was complete"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + IMAGE[:5], "before the image was complete"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "not valid HTTP/1.1"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (b"HTTP/1.1 302 Found\r\nLocation:\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (b"HTTP/1.1 200 OK\r\n\r\n<meta http-equiv=refresh content='0;url=/x'>", "sent no image"),
    ],
)
async def test_a_response_that_cannot_be_used_is_explained(server: Server, response: bytes, reason: str):
    server.answers["/image"] = closing(response)
    await refused(server, FetchFailed, reason)


async def test_a_shorter_length_than_the_image_is_what_counts(server: Server):
    server.answers["/image"] = closing(b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n" + IMAGE)
    assert await fetch(server) == IMAGE[:300]


async def test_a_huge_content_length_is_rejected_unread(server: Server):
    server.answers["/image"] = respond(IMAGE, Content_Length=str(MAX_IMAGE_BYTES + 1))
    await refused(server, FetchFailed, "20 MiB")


async def test_an_endless_body_is_read_up_to_the_limit(server: Server):
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


async def test_an_endless_page_is_read_up_to_its_first_bytes(server: Server):
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
async def test_a_slow_response_times_out(server: Server, part: bytes):
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(part)
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.02)

    server.answers["/image"] = drip
    started = time.monotonic()
    await refused(server, FetchFailed, r"more than 0.3 s", timeout_s=0.3)
    assert time.monotonic() - started < 10


async def test_a_deadline_during_the_fetch_raises_deadline_exceeded(server: Server):
    async def send_nothing(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)

    server.answers["/image"] = send_nothing
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
async def test_a_malformed_response_is_a_failed_fetch(server: Server, answer: bytes):
    async def broken(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    server.answers["/image"] = broken
    await refused(server, FetchFailed, "connection to 127.0.0.1 failed")
