"""Limits for the bodies of all requests, behind a real HTTP server."""

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from starlette.types import Receive, Scope, Send

from serve_app.config import BuildArguments, LimitArguments, QueueArguments
from serve_app.ingress.json_body import JsonBody
from tests.auth.user_factory import UserFactory
from tests.chaos.attacks import bodies as attacks
from tests.chaos.attacks.raw_http import RawResponse, chunked, connection, exchange, head, response
from tests.ingress.graph import Graph, running, until
from tests.ingress.http_server import HOST, serving
from tests.ingress.pictures import picture

IMAGES = "/api/v1/classifications"
MIB = 1 << 20
PIECE = 64 << 10
QUICK = LimitArguments(upload_window_s=0.2, upload_min_kib_s=5)


async def pieces(*parts: bytes, stalls: bool = False) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if stalls:
        await asyncio.Event().wait()


async def endless(request: bytes) -> AsyncIterator[bytes]:
    yield request
    while True:
        yield chunked(b" " * PIECE)


@contextlib.asynccontextmanager
async def service(folder: Path, discard_s: float = 0.2, **options: Any) -> AsyncIterator[tuple[Graph, int]]:
    """The API and its port."""
    async with running(folder, **options) as graph, serving(graph.app, discard_s=discard_s) as port:
        yield graph, port


def headers_for(path: str) -> dict[str, str]:
    kind = "application/x-www-form-urlencoded" if path.startswith("/oauth") else "application/json"
    return {"Content_Type": kind, "X_Requested_With": "raylens"}


async def ask(port: int, sent: AsyncIterable[bytes]) -> RawResponse:
    async with asyncio.timeout(20):
        return await exchange(HOST, port, sent)


async def test_a_stalled_upload_is_answered_and_its_memory_is_free_at_once(tmp_path: Path) -> None:
    # The rest is discarded for longer than the test runs: that must not hold the memory.
    arguments = BuildArguments(limits=QUICK)
    async with service(tmp_path, 60, arguments=arguments) as (graph, port), connection(HOST, port) as (reader, writer):
        writer.write(head("POST", IMAGES, Content_Type="image/png", Content_Length=MIB) + bytes(MIB - 1))
        await until(lambda: graph.gateway.byte_budget.held > PIECE)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"\r\nconnection: close\r\n" in answer.lower()
        assert b'"code":"upload_timeout"' in await reader.readuntil(b"}")
        assert graph.gateway.byte_budget.held == 0


async def test_a_rejected_body_is_forgotten_while_its_connection_is_open(tmp_path: Path) -> None:
    """The server keeps the last request of a connection, and this keeps the error, which must not keep the body."""
    data = b'{"image_base64": "' + b"A" * MIB + b'",}'
    request = head("POST", IMAGES, Content_Type="application/json", Content_Length=len(data)) + data
    async with service(tmp_path) as (graph, port), connection(HOST, port) as (reader, writer):
        writer.write(request)
        answer = await response(reader)
        assert (answer.status, b"malformed_body" in answer.body, answer.is_closed) == (400, True, False)
        await until(lambda: graph.gateway.byte_budget.held == 0)
        assert [each for each in gc.get_objects() if type(each) is JsonBody] == []


async def test_every_route_answers_a_stalled_upload(tmp_path: Path) -> None:
    async with service(tmp_path, arguments=BuildArguments(limits=QUICK)) as (_, port):
        for path in (
            IMAGES,
            "/classify-image",
            "/auth/users/",
            "/auth/token/login/",
            "/oauth/token",
            "/api/v1/session",
        ):
            request = head("POST", path, Content_Length=100, **headers_for(path))
            answer = await ask(port, pieces(request, b"{", stalls=True))
            assert (answer.status, answer.headers["content-type"]) == (408, "application/problem+json"), path
            assert answer.is_closed, path


async def test_a_slow_upload_completes(tmp_path: Path) -> None:
    """It takes several windows, and longer than a request may take once its body has arrived."""
    limits = LimitArguments(upload_window_s=0.1, upload_min_kib_s=0.01, request_timeout_s=0.4)
    data = picture()

    async def slowly() -> AsyncIterator[bytes]:
        yield head("POST", IMAGES, Content_Type="image/png", Content_Length=len(data))
        for start in range(0, len(data), len(data) // 12 + 1):
            await asyncio.sleep(0.05)
            yield data[start : start + len(data) // 12 + 1]

    async with service(tmp_path, arguments=BuildArguments(limits=limits)) as (_, port):
        answer = await ask(port, slowly())
    assert answer.status == 201, answer.body


async def test_an_upload_has_a_deadline(tmp_path: Path) -> None:
    limits = LimitArguments(upload_timeout_s=0.2)
    async with service(tmp_path, arguments=BuildArguments(limits=limits)) as (_, port):
        answer = await ask(port, pieces(head("POST", IMAGES, Content_Type="image/png", Content_Length=9), stalls=True))
    assert (answer.status, b"took longer than" in answer.body) == (408, True)


async def test_stalled_uploads_leave_room_for_others(tmp_path: Path) -> None:
    arguments = BuildArguments(queue=QueueArguments(max_mib=8))
    async with service(tmp_path, arguments=arguments, forwarded_hops=1) as (graph, port):
        held = graph.gateway.byte_budget

        async def upload(address: str, size: int, missing: int) -> RawResponse:
            request = head("POST", IMAGES, Content_Type="image/png", X_Forwarded_For=address, Content_Length=size)
            data = picture() + bytes(size - len(picture()) - missing)
            return await ask(port, pieces(request, data, stalls=bool(missing)))

        attack = [asyncio.create_task(upload(f"2001:db8::{n:x}", 2 * MIB, 1)) for n in range(5)]
        await until(lambda: sum(task.done() for task in attack) >= 3)
        rejected = [await task for task in attack if task.done()]
        assert {answer.status for answer in rejected} == {503}, "an IPv6 network of one customer is one client"
        assert b"Your other requests" in rejected[0].body
        assert held.held <= 4 * MIB
        for address in ("192.0.2.1", "2001:db8:0:1::1"):
            assert (await upload(address, MIB, 0)).status == 201
        for task in attack:
            task.cancel()
        await asyncio.gather(*attack, return_exceptions=True)
        await until(lambda: held.held == 0)


async def test_the_share_of_a_user_is_the_same_at_all_addresses(tmp_path: Path) -> None:
    """And at one address each user has a share."""
    arguments = BuildArguments(queue=QueueArguments(max_mib=8))
    async with service(tmp_path, arguments=arguments, forwarded_hops=1) as (graph, port):
        users = UserFactory(graph.gateway.engine, time.time)
        alice, bob = (f"Bearer {users.issue(users.add(name), 'token')}" for name in ("alice", "bob"))

        async def upload(user: str, address: str, size: int, missing: int) -> RawResponse:
            headers = {"Authorization": user, "X_Forwarded_For": address}
            request = head("POST", IMAGES, Content_Type="image/png", Content_Length=size, **headers)
            data = picture() + bytes(size - len(picture()) - missing)
            return await ask(port, pieces(request, data, stalls=bool(missing)))

        stalled = asyncio.create_task(upload(alice, "192.0.2.1", 4 * MIB, 1))
        await until(lambda: graph.gateway.byte_budget.held > 3 * MIB)
        refused = await upload(alice, "192.0.2.2", 2 * MIB, 0)
        assert (refused.status, b"Your other requests" in refused.body) == (503, True)
        assert (await upload(bob, "192.0.2.1", MIB, 0)).status == 201
        stalled.cancel()
        await asyncio.gather(stalled, return_exceptions=True)


async def test_a_stalled_upload_gives_way_to_a_client_that_holds_less(tmp_path: Path) -> None:
    arguments = BuildArguments(queue=QueueArguments(max_mib=8))
    async with service(tmp_path, arguments=arguments, forwarded_hops=1) as (graph, port):
        budget = graph.gateway.byte_budget

        def upload(client: int, size: int, *, stalls: bool) -> "asyncio.Task[RawResponse]":
            address, data = f"192.0.2.{client}", picture() + bytes(size - len(picture()))
            length = size + stalls
            request = head("POST", IMAGES, Content_Type="image/png", X_Forwarded_For=address, Content_Length=length)
            return asyncio.create_task(ask(port, pieces(request, data, stalls=stalls)))

        def holds(expected: int) -> bool:
            return budget.held == expected

        attack, held = [], 0
        for client, size in enumerate((4 * MIB, 2 * MIB, MIB, MIB // 2)):  # half of what is left
            attack.append(upload(client, size, stalls=True))
            held += size
            await until(partial(holds, held))
        honest = await upload(9, MIB, stalls=False)
        assert honest.status == 201, honest.body
        evicted = await attack[0]
        assert (evicted.status, b"Other clients" in evicted.body) == (503, True)
        assert not any(task.done() for task in attack[1:])
        for task in attack:
            task.cancel()
        await asyncio.gather(*attack, return_exceptions=True)
        await until(lambda: budget.held == 0)


async def test_an_endless_body_is_not_read_to_its_end(tmp_path: Path) -> None:
    cases = (
        ("GET", "/api/health/live", 200),
        ("POST", "/nowhere", 404),
        ("DELETE", IMAGES, 401),
        ("PUT", IMAGES, 405),
        ("POST", f"{IMAGES}?model=unknown", 404),
        ("POST", "/api/v1/session", 413),
        ("POST", "/oauth/token", 413),
        ("POST", "/auth/users/", 413),
    )
    async with service(tmp_path) as (graph, port):
        for method, path, status in cases:
            answer = await ask(port, endless(head(method, path, Transfer_Encoding="chunked", **headers_for(path))))
            assert (answer.status, answer.headers["connection"], answer.is_closed) == (status, "close", True), path
        assert graph.gateway.byte_budget.held == 0


async def test_a_small_unread_body_leaves_the_connection_open(tmp_path: Path) -> None:
    request = head("POST", "/nowhere", Content_Type="image/png", Content_Length=PIECE) + bytes(PIECE)
    async with service(tmp_path) as (_, port), connection(HOST, port) as (reader, writer):
        for _ in range(2):
            writer.write(request)
            answer = await response(reader)
            assert (answer.status, answer.headers.get("connection")) == (404, None)


async def test_a_client_that_expects_to_continue_is_told_so_only_if_its_body_is_wanted(tmp_path: Path) -> None:
    data = picture()
    async with service(tmp_path) as (_, port):
        for path, first in ((IMAGES, b"100"), ("/nowhere", b"404")):
            async with connection(HOST, port) as (reader, writer):
                writer.write(
                    head("POST", path, Content_Type="image/png", Content_Length=len(data), Expect="100-continue")
                )
                assert (await reader.readline()).split()[1] == first


async def test_the_server_reads_no_further_than_the_application(tmp_path: Path) -> None:
    """Behind middleware that, like Ray's replica, receives whatever it gets."""
    queued = []
    async with running(tmp_path) as graph:

        async def ray(scope: Scope, receive: Receive, send: Send) -> None:
            queue: asyncio.Queue[Any] = asyncio.Queue()

            async def fetch() -> None:
                while True:
                    await queue.put(await receive())

            task = asyncio.create_task(fetch())
            await asyncio.sleep(0.1)  # for what must not happen
            queued.append(queue.qsize())
            await graph.app(scope, queue.get, send)
            task.cancel()

        async with serving(ray, discard_s=0.1) as port:
            data = picture()
            request = head("POST", IMAGES, Content_Type="image/png", Content_Length=len(data)) + data
            assert (await ask(port, pieces(request))).status == 201
            assert (await ask(port, endless(head("POST", "/nowhere", Transfer_Encoding="chunked")))).status == 404
    assert queued == [0, 0]


async def test_compressed_bodies_are_rejected(tmp_path: Path) -> None:
    async with service(tmp_path) as (_, port):
        for path in (IMAGES, "/api/v1/session", "/auth/users/"):
            request = head("POST", path, Content_Length=2, Content_Encoding="gzip", **headers_for(path))
            answer = await ask(port, pieces(request, b"{}"))
            assert (answer.status, b"unsupported_encoding" in answer.body) == (415, True)


ATTACKS: tuple[Callable[[str, int], Awaitable[Any]], ...] = (
    attacks.json_amplification,
    attacks.endless_multipart,
    attacks.unwanted_bodies,
)


async def test_the_service_answers_during_attacks(tmp_path: Path) -> None:
    data = picture()
    request = head("POST", f"{IMAGES}?cache=off", Content_Type="image/png", Content_Length=len(data))
    async with service(tmp_path, 0.05) as (graph, port):
        for attack in ATTACKS:
            attacking = asyncio.ensure_future(attack(HOST, port))
            for _ in range(3):
                assert (await ask(port, pieces(request, data))).status == 201
            attacking.cancel()
            statuses = await attacking
            assert set(statuses) <= {0, 401, 413}, statuses
        await until(lambda: graph.gateway.byte_budget.held == 0)
