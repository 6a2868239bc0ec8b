"""The limits for connections, in the real HAProxy with the configuration of the installed version of Ray."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, suppress
from functools import partial

import psutil
import pytest

from serve_app.cluster.connection_limits import Timeouts, effective_limit
from serve_app.cluster.haproxy_config import HAProxyOptions
from serve_app.cluster.run_folder import RunFolder
from tests.chaos.attacks.connections import AttackCounts, Target, idle_connections, slow_headers, unfinished_headers
from tests.cluster.haproxy_server import HAProxyServer

Attack = Callable[[Target, int, AttackCounts], Coroutine[None, None, AttackCounts]]

TIMEOUTS = Timeouts(headers=0.5, silence=1.0)
PER_ADDRESS, TOLD = 20, 28
EXEMPT = "127.0.0.1"
GET = b"GET /x HTTP/1.1\r\nHost: service\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[HAProxyServer]:
    options = HAProxyOptions(per_address=PER_ADDRESS, exempt=(EXEMPT,), token="secret")
    yield from running(options)


@pytest.fixture(scope="module")
def impatient() -> Iterator[HAProxyServer]:
    yield from running(HAProxyOptions(timeouts=TIMEOUTS), keep_alive_s=1)


@pytest.fixture(scope="module")
def behind_proxy() -> Iterator[HAProxyServer]:
    yield from running(HAProxyOptions(per_address=PER_ADDRESS, hops=1))


def running(options: HAProxyOptions, keep_alive_s: int = 75) -> Iterator[HAProxyServer]:
    folder = RunFolder()  # HAProxy cannot use long paths, nor those with spaces
    server = HAProxyServer(folder.path, options, connections=200, keep_alive_s=keep_alive_s)
    try:
        server.start()
        wait_for(lambda: b" 200 " in exchange(server, EXEMPT))  # the replica is up
        yield server
    finally:
        server.close()
        folder.close()


def wait_for(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    done = threading.Event()
    for _ in range(round(timeout_s / 0.05)):
        if condition():
            return
        done.wait(0.05)
    raise AssertionError("the condition was not met")


def connect(server: HAProxyServer, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 30, source_address=(source, 0))


def ask(connection: socket.socket, request: bytes = GET) -> bytes:
    """The response, with at least one byte of the body; empty if the connection is closed without one."""
    received = b""
    try:
        connection.sendall(request)
        while not received.partition(b"\r\n\r\n")[2] and (part := connection.recv(1 << 16)):
            received += part
    except (ConnectionResetError, BrokenPipeError):
        pass
    return received


def exchange(server: HAProxyServer, source: str, request: bytes = GET) -> bytes:
    try:
        with connect(server, source) as connection:
            return ask(connection, request)
    except ConnectionResetError:  # before the client knew that it was connected
        return b""


def hold(stack: ExitStack, server: HAProxyServer, source: str, count: int) -> list[socket.socket]:
    """Open connections that have had a response each, so HAProxy has counted them."""
    connections = [stack.enter_context(connect(server, source)) for _ in range(count)]
    for connection in connections:
        assert b" 200 " in ask(connection)
    return connections


def problem(response: bytes) -> dict[str, object]:
    document: dict[str, object] = json.loads(response.partition(b"\r\n\r\n")[2])
    assert b"content-type: application/problem+json" in response
    head = response.partition(b"\r\n\r\n")[0].lower()
    for header in (
        b"x-content-type-options: nosniff",
        b"x-frame-options: deny",
        b"content-security-policy: default-src",
    ):
        assert head.count(header) == 1
    assert {"type", "title", "status", "detail", "code", "request_id"} == document.keys()
    return document


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the condition was not met")


@pytest.mark.parametrize(
    "attack", [unfinished_headers, partial(slow_headers, interval_s=TIMEOUTS.headers / 5)], ids=["unfinished", "slow"]
)
@pytest.mark.parametrize("port", ["port", "statistics", "metrics"])
async def test_unfinished_headers_are_closed(impatient: HAProxyServer, port: str, attack: Attack) -> None:
    counts = AttackCounts()
    task = asyncio.create_task(attack(Target("127.0.0.1", getattr(impatient, port)), 5, counts))
    await until(lambda: counts.closed >= 5)
    task.cancel()
    assert await task is counts
    assert counts.statuses[408] >= 4, "with an explanation"


@pytest.mark.parametrize("first", [b"", GET], ids=["new", "kept"])
def test_a_connection_without_a_request_is_closed_without_an_answer(impatient: HAProxyServer, first: bytes) -> None:
    """A browser would take it for that of its next request."""
    with connect(impatient, EXEMPT) as connection:
        assert not first or b" 200 " in ask(connection, first)
        assert ask(connection, b"") == b""


async def test_an_address_cannot_use_up_all_connections(server: HAProxyServer) -> None:
    counts = AttackCounts()
    task = asyncio.create_task(unfinished_headers(Target("127.0.0.1", server.port, "127.0.0.2"), 300, counts))
    await until(lambda: counts.failed + counts.closed >= 300)
    for _ in range(20):
        assert b" 200 " in await asyncio.to_thread(exchange, server, "127.0.0.3")
    assert counts.open < 100
    task.cancel()
    await task


def test_a_few_connections_more_are_told_so_and_further_ones_closed(server: HAProxyServer) -> None:
    with ExitStack() as stack:
        held = hold(stack, server, "127.0.0.4", PER_ADDRESS)
        excess = [stack.enter_context(connect(server, "127.0.0.4")) for _ in range(TOLD - PER_ADDRESS)]
        assert exchange(server, "127.0.0.4") == b""
        response = ask(excess[-1])
        assert (problem(response)["code"], b"retry-after: 1" in response) == ("too_many_connections", True)
        assert b" 200 " in ask(held[0]), "not the connections before the limit"
        assert b" 200 " in exchange(server, "127.0.0.5"), "nor other addresses"


def test_the_more_connections_the_fewer_has_an_address(server: HAProxyServer) -> None:
    with ExitStack() as stack:
        hold(stack, server, "127.0.0.6", 8)
        hold(stack, server, EXEMPT, 100)
        assert exchange(server, "127.0.0.6") == b"", "half of the connections are used"
        response = exchange(server, "127.0.0.7")
        assert b" 200 " in response
        assert b"connection: close" in response.lower(), "makes room"
        for _ in range(60):
            with suppress(ConnectionResetError):  # already too many
                stack.enter_context(connect(server, EXEMPT))
        assert exchange(server, EXEMPT) == b"", "three quarters are used"
        assert b" 200 " in exchange(server, "127.0.0.7"), "a client with few connections"


async def test_idle_connections_leave_room(server: HAProxyServer) -> None:
    counts = AttackCounts()
    task = asyncio.create_task(idle_connections(Target("127.0.0.1", server.port), 300, counts))
    await until(lambda: counts.opened >= 300)
    for _ in range(20):
        assert b" 200 " in await asyncio.to_thread(exchange, server, "127.0.0.8")
    task.cancel()
    await task


def test_the_address_of_the_client_is_the_last_one(server: HAProxyServer) -> None:
    forged = b"GET /x HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.1\r\nx-forwarded-for: 203.0.113.2\r\n\r\n"
    forged = forged.replace(b"\r\n\r\n", b"\r\nX-Raylens-Proxy: a\r\nX-RAYLENS-Proxy: b\r\n\r\n")
    response = exchange(server, "127.0.0.9", forged)
    headers = json.loads(response.partition(b"\r\n\r\n")[2])
    assert [value for name, value in headers if name == "x-forwarded-for"] == [
        "203.0.113.1",
        "203.0.113.2",
        "127.0.0.9",
    ]
    assert [value for name, value in headers if name == "x-raylens-proxy"] == ["secret"]
    assert b"server:" not in response.lower()


def test_a_client_may_wait_longer_than_it_may_be_silent(impatient: HAProxyServer) -> None:
    impatient.backend.hold()
    threading.Timer(2 * TIMEOUTS.silence, impatient.backend.release).start()
    assert b" 200 " in exchange(impatient, EXEMPT, b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")


def test_a_client_that_does_not_read_is_disconnected(impatient: HAProxyServer) -> None:
    impatient.backend.broken.clear()
    with connect(impatient, EXEMPT) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        assert impatient.backend.broken.wait(30), "the replica is free again"
    assert impatient.backend.written < 64 << 20


def test_a_client_that_stops_in_the_middle_of_its_body_is_disconnected(impatient: HAProxyServer) -> None:
    with connect(impatient, EXEMPT) as connection:
        response = ask(connection, b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx")
    assert b" 40" in response.partition(b"\r\n")[0]
    assert problem(response)["code"] in {"invalid_request", "request_timeout"}


def test_a_policy_of_a_replica_is_kept(server: HAProxyServer) -> None:
    assert (
        b"content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n" in exchange(server, EXEMPT).lower()
    )
    response = exchange(server, EXEMPT, GET.replace(b"/x", b"/policy")).lower()
    assert response.count(b"content-security-policy: ") == 1
    assert b"content-security-policy: sandbox\r\n" in response


def test_http2_without_tls_is_rejected(server: HAProxyServer) -> None:
    assert problem(exchange(server, EXEMPT, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))["code"] == "invalid_request"


def test_metrics_and_statistics_are_for_this_machine(server: HAProxyServer) -> None:
    listening = {c.laddr for c in psutil.Process(server.pid).net_connections("inet") if c.status == "LISTEN"}
    assert listening == {("0.0.0.0", server.port), ("127.0.0.1", server.statistics), ("127.0.0.1", server.metrics)}
    assert (server.folder / "s").stat().st_mode & 0o777 == 0o600, "controls HAProxy"
    assert server.config.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("network", "written"), [("a", "{}"), ("b", "[{}]"), ("c", "[{}]:4711")])
def test_a_proxy_is_not_limited_but_its_clients_are(behind_proxy: HAProxyServer, network: str, written: str) -> None:
    """Addresses of one /64 network of IPv6 are one client, however the proxy writes them.

    Each case has a network of its own: HAProxy still counts a request for a moment after its response.
    """

    def request(address: str, path: str = "/slow") -> bytes:
        client = written.format(f"2001:db8:{network}:{address}")
        return f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.9, {client}\r\n\r\n".encode()

    behind_proxy.backend.hold()
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(behind_proxy, "127.0.0.2")) for _ in range(PER_ADDRESS)]
        for number, connection in enumerate(connections):
            connection.sendall(request(f":{number}"))
        wait_for(lambda: behind_proxy.backend.held == PER_ADDRESS)
        rejected = exchange(behind_proxy, "127.0.0.2", request(":ffff", "/x"))
        assert problem(rejected)["code"] == "too_many_requests"
        assert b" 200 " in exchange(behind_proxy, "127.0.0.2", request("1::1", "/x"))
        behind_proxy.backend.release()
        for connection in connections:
            assert b" 200 " in connection.recv(1 << 16)


def test_a_reload_keeps_the_limits(impatient: HAProxyServer) -> None:
    impatient.reload()
    assert "stick-table" in impatient.config.read_text()
    wait_for(lambda: b" 200 " in exchange(impatient, EXEMPT))
    assert exchange(impatient, EXEMPT, GET[:-2]).startswith(b"HTTP/1.1 408 "), "unfinished headers"


def test_without_a_replica_the_answer_is_a_problem(impatient: HAProxyServer) -> None:
    """The last test of this impatient."""
    impatient.backend.close()
    response = exchange(impatient, EXEMPT)
    assert (problem(response)["code"], b"retry-after" in response) == ("unavailable", True)


def test_a_share_of_all_connections() -> None:
    assert effective_limit(1024, 16_384) == 1024
    assert effective_limit(1024, 1000) == 125
    assert effective_limit(0, 1000) == 0, "unlimited"
    assert effective_limit(1024, 10) == 8
