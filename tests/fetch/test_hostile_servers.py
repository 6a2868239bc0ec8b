"""Servers that send endlessly, or in tiny parts: each fetch ends, and the event loop remains responsive meanwhile."""

import asyncio
import gzip
import itertools
import threading
import time
from collections import Counter, deque
from unittest.mock import patch

import h11
import httpcore
import pytest

from serve_app.errors import FetchFailed
from serve_app.fetch.content_encoding import decode_body
from serve_app.fetch.fetcher import MAX_FETCHES_PER_KEY
from serve_app.fetch.resolver import MAX_ADDRESSES, SystemResolver, current_client
from serve_app.fetch.response_guard import CostlyResponse, PartCounter, ResponseGuard
from serve_app.images.sample import sample
from tests.chaos.attacks.connections import Target
from tests.chaos.attacks.image_servers import BEHAVIOURS, classify_from_hostile_servers, hostile_server
from tests.fetch.fetching import IMAGE, Names, fetch, fetching
from tests.fetch.server import Answer, Server, Tls, closing, respond

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def endless(start: bytes, *parts: bytes) -> Answer:
    """Send ``start``, then the parts again and again, as fast as the client reads."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        for part in itertools.cycle(part * (1 + 20_000 // len(part)) for part in parts):
            writer.write(part)
            await writer.drain()

    return send


def chunks(data: bytes, size: int) -> bytes:
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    return CHUNKED + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


HOSTILE = {
    "interim responses": (endless(b"", b"HTTP/1.1 100 \r\n\r\n"), "again and again"),
    "interim responses with headers": (endless(b"", b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"), "again and again"),
    "long interim responses": (
        endless(b"", b"HTTP/1.1 103 Early Hints\r\nA: " + b"b" * 30_000 + b"\r\n\r\n"),
        "the headers of the response are too long",
    ),
    "headers": (endless(OK, b"A: b\r\n"), "too many headers"),
    "headers without an end of line": (endless(OK + b"A: ", b"b"), "too long"),
    "empty lines": (endless(b"", b"\r\n"), "not valid HTTP|again and again|too many"),
    "chunks of one byte": (endless(CHUNKED + b"3\r\n\xff\xd8\xff\r\n", b"1\r\nx\r\n"), "too many tiny parts"),
    "extensions of chunks": (endless(CHUNKED + b"3\r\n\xff\xd8\xff\r\n1", b";a=b"), "too long|longer than any image"),
    "long extensions": (
        endless(CHUNKED + b"3\r\n\xff\xd8\xff\r\n", b"1;" + b"a" * 50_000 + b"\r\nx\r\n"),
        "longer than any image",
    ),
    "trailers": (endless(CHUNKED + b"3\r\n\xff\xd8\xff\r\n0\r\n", b"A: b\r\n"), "too long|not valid|longer"),
    "a body": (endless(OK + b"\r\n" + IMAGE, b"x"), "20 MiB"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_server_is_left_early(server: Server, name: str) -> None:
    answer, reason = HOSTILE[name]
    server.answers["/image"] = answer
    with pytest.raises(FetchFailed, match=reason):
        await fetch(server)


@pytest.mark.parametrize("name", ["interim responses", "headers", "chunks of one byte", "extensions of chunks"])
async def test_other_tasks_run_while_tiny_parts_are_parsed(
    server: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 KiB of them are more than 10,000 parts, which take as long as a second."""
    parsed, most = [0], [0]
    next_event = h11.Connection.next_event

    def counting(connection: h11.Connection) -> object:
        parsed[0] += 1
        most[0] = max(most[0], parsed[0])
        return next_event(connection)

    async def take_turns() -> None:
        while True:
            parsed[0] = 0
            await asyncio.sleep(0)

    monkeypatch.setattr(h11.Connection, "next_event", counting)
    server.answers["/image"] = HOSTILE[name][0]
    others = asyncio.create_task(take_turns())
    async with fetching(timeout_s=2) as fetcher:
        with pytest.raises(FetchFailed):
            await fetcher.fetch(f"http://127.0.0.1:{server.port}/image", deadline=time.time() + 60)
    others.cancel()
    assert 0 < most[0] < 150, "parts in one turn of the event loop"


PHOTO = sample("JPEG") + bytes(300_000)
HONEST = {
    "hundreds of headers": OK + b"".join(b"X-%d: y\r\n" % n for n in range(200)) + b"\r\n" + PHOTO,
    "interim responses": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 4 + OK + b"\r\n" + PHOTO,
    "chunks of 512 bytes": chunks(PHOTO * 6, 512),
    "some chunks of one byte": chunks(PHOTO[:1_500], 1),
}


@pytest.mark.parametrize("name", HONEST)
async def test_unusual_but_honest_servers_are_served(server: Server, name: str) -> None:
    server.answers["/image"] = closing(HONEST[name])
    assert (await fetch(server)).startswith(b"\xff\xd8\xff")


async def test_tiny_tls_records_are_counted(tls: Tls) -> None:
    server, trusting = tls

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"\r\n\xff\xd8\xff")
        while True:
            writer.write(b"x")
            await writer.drain()

    server.answers["/image"] = send
    names = Names(images_example=["127.0.0.1"])
    async with fetching(resolver=names, ssl_context=trusting) as fetcher:
        with pytest.raises(FetchFailed, match="too many tiny parts"):
            await fetcher.fetch(f"https://images.example:{server.port}/image", deadline=time.time() + 30)


def test_the_guard_counts_what_is_read() -> None:
    guard = ResponseGuard()
    assert guard.read_size(65_536) == 8_192
    guard.check(b"HTTP/1.1 200 OK\r\nA: b\r\n")
    guard.check(b"\r")
    assert guard.read_size(65_536) == 8_192
    guard.check(b"\nbody")
    assert guard.read_size(65_536) == 65_536
    for _ in range(2_040):
        guard.check(b"x")
    with pytest.raises(CostlyResponse, match="tiny parts"):
        deque(map(guard.check, [b"x"] * 10))
    parts = PartCounter()
    assert [parts.add(512) for _ in range(50_000)][-1] == 50_000
    assert issubclass(CostlyResponse, httpcore.ProtocolError)


def test_many_members_of_gzip_take_linear_time() -> None:
    """zlib copies all that follows a member."""
    empty = gzip.compress(b"", mtime=0)
    with pytest.raises(FetchFailed, match="damaged"):
        decode_body(empty * 1_000_000, ["gzip"], 1 << 20)
    blocks = b"".join(gzip.compress(bytes([n % 256]) * 10_000, 1, mtime=0) for n in range(2_000))
    assert len(decode_body(blocks + b"\0" * 512, ["gzip"], 20 << 20)) == 20_000_000
    assert decode_body(empty, ["gzip"], 10) == b""


def test_codings_are_limited() -> None:
    with pytest.raises(FetchFailed, match="more than 4 times"):
        decode_body(b"", ["gzip"] * 5, 10)


def stalling(started: asyncio.Queue[None]) -> Answer:
    """Never answers."""

    async def wait(_: asyncio.StreamWriter) -> None:
        started.put_nowait(None)
        await asyncio.Event().wait()

    return wait


async def test_slow_servers_of_one_client_do_not_delay_others(server: Server) -> None:
    arrived: asyncio.Queue[None] = asyncio.Queue()
    server.answers |= {f"/slow/{n}": stalling(arrived) for n in range(200)} | {"/image": respond(IMAGE)}
    names = Names(**{f"host{n}_example": ["127.0.0.1"] for n in range(20)})
    async with fetching(resolver=names) as fetcher:

        def request(path: str, client: str, host: str = "127.0.0.1") -> asyncio.Task[bytes]:
            url = f"http://{host}:{server.port}{path}"
            return asyncio.create_task(fetcher.fetch(url, deadline=time.time() + 60, client=client))

        slow = [request(f"/slow/{n}", "mallory", f"host{n % 20}.example") for n in range(200)]
        for _ in range(MAX_FETCHES_PER_KEY):
            await arrived.get()
        assert await request("/image", "alice") == IMAGE
        assert await request("/image", "alice", "host1.example") == IMAGE
        assert arrived.empty(), "the others of the same client wait"
        for task in slow[:MAX_FETCHES_PER_KEY]:
            task.cancel()
        for _ in range(MAX_FETCHES_PER_KEY):
            await arrived.get()
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_a_slow_server_does_not_use_up_the_slots_of_all_clients(server: Server) -> None:
    arrived: asyncio.Queue[None] = asyncio.Queue()
    server.answers |= {"/slow": stalling(arrived), "/image": respond(IMAGE)}
    names = Names(slow_example=["127.0.0.1"], good_example=["127.0.0.1"])
    async with fetching(resolver=names) as fetcher:
        slow = [
            asyncio.create_task(
                fetcher.fetch(
                    f"http://slow.example:{server.port}/slow", deadline=time.time() + 60, client=f"client {n}"
                )
            )
            for n in range(150)
        ]
        for _ in range(MAX_FETCHES_PER_KEY):
            await arrived.get()
        url = f"http://good.example:{server.port}/image"
        assert await fetcher.fetch(url, deadline=time.time() + 60, client="client 1") == IMAGE
        assert arrived.empty(), "the others of the same server wait"
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_the_time_to_wait_for_a_slot_does_not_count_as_that_of_the_server(server: Server) -> None:
    arrived: asyncio.Queue[None] = asyncio.Queue()
    server.answers |= {"/slow": stalling(arrived), "/image": respond(IMAGE)}
    with patch("serve_app.fetch.fetcher.MAX_FETCHES_PER_KEY", 1):
        async with fetching(timeout_s=0.3) as fetcher:
            base = f"http://127.0.0.1:{server.port}"
            slow = [asyncio.create_task(fetcher.fetch(f"{base}/slow", deadline=time.time() + 60)) for _ in range(2)]
            await arrived.get()
            assert await fetcher.fetch(f"{base}/image", deadline=time.time() + 60) == IMAGE
            failures = await asyncio.gather(*slow, return_exceptions=True)
            assert {str(failure) for failure in failures} == {"127.0.0.1 took more than 0.3 s to send the image."}


async def test_a_resolver_that_hangs_takes_no_thread_from_other_work() -> None:
    """``getaddrinfo`` cannot be cancelled, so the threads of a client stay taken until it returns."""
    free, waiting = threading.Event(), threading.Semaphore(0)

    def getaddrinfo(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if host.startswith("slow"):
            waiting.release()
            free.wait(60)
        return [(2, 1, 6, "", ("192.0.2.1", 0))]

    resolver = SystemResolver()

    async def resolve(host: str, client: str) -> object:
        current_client.set(client)
        return await resolver(host)

    with patch("socket.getaddrinfo", getaddrinfo):
        slow = [asyncio.create_task(resolve(f"slow{n}.example", "mallory")) for n in range(100)]
        for _ in range(8):
            await asyncio.to_thread(waiting.acquire)
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        again = asyncio.create_task(resolve("slow.example", "mallory"))
        addresses = await resolve("images.example", "alice")
        assert [str(address) for address in addresses] == ["192.0.2.1"]  # type: ignore[attr-defined]
        assert not waiting.acquire(blocking=False), "the threads of cancelled look-ups are still taken"
        free.set()
        await again


async def test_only_some_of_thousands_of_addresses_are_used() -> None:
    found = [(2, 1, 6, "", (f"198.51.{n // 250}.{n % 250}", 0)) for n in range(4_000)]
    with patch("socket.getaddrinfo", return_value=found):
        addresses = await SystemResolver()("images.example")
    assert [str(address) for address in addresses] == [f"198.51.0.{n}" for n in range(MAX_ADDRESSES)]


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
async def test_the_servers_of_the_attack_are_left(behaviour: str) -> None:
    async with hostile_server() as port, fetching(timeout_s=0.5) as fetcher:
        with pytest.raises(FetchFailed):
            await fetcher.fetch(f"http://127.0.0.1:{port}/{behaviour}?1", deadline=time.time() + 30)


async def test_the_attack_counts_the_answers_until_it_is_cancelled(server: Server) -> None:
    server.answers["/api/v1/classifications"] = closing(respond(status="422 No", Connection="close"))
    counts = Counter[int]()
    attack = asyncio.create_task(classify_from_hostile_servers(Target("127.0.0.1", server.port), 8, counts))
    async with asyncio.timeout(30):
        while counts[422] < 16:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
    attack.cancel()
    assert await attack == counts
    assert set(counts) == {422}
