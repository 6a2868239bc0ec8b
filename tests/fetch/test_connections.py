"""Kept connections that the server has closed, and servers with several addresses."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from serve_app.errors import FetchFailed
from tests.fetch.fetching import IMAGE, LOOPBACK, Names, fetch, fetching
from tests.fetch.server import Server, Tls, respond, running

OK = respond(IMAGE)


class Scripted:
    """A server whose connections answer their requests one after the other with the steps of a script."""

    def __init__(self, *connections: list[bytes | None]) -> None:
        """A response, or None to close the connection when the request has arrived."""
        self.requests: list[tuple[int, int]] = []
        """(connection, request) of every request that arrived."""
        self.port = 0
        self._connections = list(connections)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len({connection for connection, _ in self.requests})
        try:
            for index, step in enumerate(self._connections[number]):
                await reader.readuntil(b"\r\n\r\n")
                self.requests.append((number, index))
                if step is None:
                    break
                writer.write(step)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def scripted(*connections: list[bytes | None]) -> AsyncIterator[Scripted]:
    script = Scripted(*connections)
    listener = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.port = listener.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        listener.close()


async def fetch_twice(script: Scripted) -> bytes:
    async with fetching() as fetcher:
        url = f"http://127.0.0.1:{script.port}/image"
        assert await fetcher.fetch(url, deadline=time.time() + 30) == IMAGE
        return await fetcher.fetch(url, deadline=time.time() + 30)


async def test_a_kept_connection_that_the_server_closes_is_replaced() -> None:
    async with scripted([OK, None], [OK]) as script:
        assert await fetch_twice(script) == IMAGE
        assert script.requests == [(0, 0), (0, 1), (1, 0)]


async def test_a_request_is_repeated_once() -> None:
    async with scripted([OK, None], [None], [OK]) as script:
        with pytest.raises(FetchFailed, match="closed it without a response"):
            await fetch_twice(script)
        assert script.requests == [(0, 0), (0, 1), (1, 0)]


async def test_a_new_connection_that_the_server_closes_is_a_failure() -> None:
    async with scripted([None], [OK]) as script:
        with pytest.raises(FetchFailed, match="closed it without a response"):
            await fetch_twice(script)
        assert script.requests == [(0, 0)]


@pytest.mark.parametrize("part", [b"H", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"])
async def test_a_response_that_has_begun_is_not_requested_again(part: bytes) -> None:
    async with scripted([OK, part], [OK]) as script:
        with pytest.raises(FetchFailed, match="closed it"):
            await fetch_twice(script)
        assert script.requests == [(0, 0), (0, 1)]


async def test_more_bytes_than_the_declared_length_do_not_spoil_the_next_response() -> None:
    for more in (b"more", b"\r\n", OK):
        async with scripted([OK + more, OK], [OK]) as script:
            assert await fetch_twice(script) == IMAGE
            assert script.requests == [(0, 0), (1, 0)]


async def test_many_kept_connections_of_a_restarted_server(server: Server) -> None:
    server.answers["/image"] = OK
    async with fetching() as fetcher:
        url = f"http://127.0.0.1:{server.port}/image"

        async def fetch_often(times: int) -> None:
            images = await asyncio.gather(*(fetcher.fetch(url, deadline=time.time() + 30) for _ in range(times)))
            assert set(images) == {IMAGE}

        await fetch_often(10)
        server.close_connections()
        await fetch_often(20)


async def test_a_kept_encrypted_connection_is_replaced(tls: Tls) -> None:
    server, trusting = tls
    server.answers["/image"] = OK
    names = Names(images_example=["127.0.0.1"])
    async with fetching(resolver=names, ssl_context=trusting) as fetcher:
        for _ in range(3):
            url = f"https://images.example:{server.port}/image"
            assert await fetcher.fetch(url, deadline=time.time() + 30) == IMAGE
            server.close_connections()


async def test_a_failing_retry_keeps_the_deadline() -> None:
    async with scripted([OK, None], [b"HTTP/1.1 200 OK\r\n"] * 2) as script, fetching(timeout_s=0.5) as fetcher:
        url = f"http://127.0.0.1:{script.port}/image"
        assert await fetcher.fetch(url, deadline=time.time() + 30) == IMAGE
        with pytest.raises(FetchFailed, match=r"more than 0.5 s"):
            await fetcher.fetch(url, deadline=time.time() + 30)


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def reset_after(response: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()
        await asyncio.sleep(0.1)
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    return answer


async def test_a_reset_after_the_complete_image_does_not_matter(server: Server) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(IMAGE), IMAGE)
    for response in (OK, chunked):
        server.answers["/image"] = reset_after(response)
        assert await fetch(server) == IMAGE
    server.answers["/image"] = reset_after(respond(IMAGE, Content_Length="9999"))
    with pytest.raises(FetchFailed, match="connection to 127"):
        await fetch(server)


@pytest.mark.parametrize("addresses", ["::1 127.0.0.1", "127.0.0.2 ::1 127.0.0.3 127.0.0.1"])
async def test_dead_addresses_of_both_families_are_skipped(server: Server, addresses: str) -> None:
    server.answers["/image"] = OK
    both = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
    assert await fetch(server, host="images.example", resolver=Names(images_example=[addresses]), allowed=both) == IMAGE


async def test_a_server_with_an_ipv6_address_only() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6")
    async with running(bound=listener) as server:
        server.answers["/image"] = OK
        names = Names(images_example=["::1"])
        allowed = [LOOPBACK, ip_network("::1/128")]
        for host in ("images.example", "[::1]"):
            assert await fetch(server, host=host, resolver=names, allowed=allowed) == IMAGE
