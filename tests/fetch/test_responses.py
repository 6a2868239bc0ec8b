"""Responses that are no image, too large, too slow or malformed are rejected."""

import asyncio
import gzip
import time

import pytest

from serve_app.errors import DeadlineExceeded, FetchFailed
from serve_app.images.limits import MAX_IMAGE_BYTES
from tests.fetch.fetching import IMAGE, fetching, refused
from tests.fetch.server import Server, respond


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


async def test_a_compressed_response_is_rejected_unread(server: Server):
    bomb = gzip.compress(bytes(50_000_000), 1)
    server.answers["/image"] = respond(bomb, Content_Encoding="gzip")
    await refused(server, FetchFailed, r"compressed \(gzip\)")


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
