"""Raw requests to the HTTP server of an ingress replica: what the application sees of them."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn.config
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.ingress import load_shedding
from serve_app.ingress.http_protocol import HttpProtocol, use_raylens_protocol
from tests.auth.web_server import running_server

HEAD = b"POST /echo HTTP/1.1\r\nHost: raylens\r\nConnection: close\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the headers after the whole body has arrived, when trailers have arrived too."""
    while (await receive()).get("more_body"):
        pass
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    body = json.dumps(headers).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]}
    )
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    app: ASGIApp = echo
    for middleware in load_shedding.middlewares():
        app = middleware.cls(app, *middleware.args, **middleware.kwargs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.config, "HTTP_PROTOCOLS", dict(uvicorn.config.HTTP_PROTOCOLS))
        patch.setattr("serve_app.ingress.http_protocol.HTTP_PROTOCOLS", uvicorn.config.HTTP_PROTOCOLS)
        use_raylens_protocol()
        with running_server(app) as url:
            host, _, port = url.removeprefix("http://").partition(":")
            yield host, int(port)


def exchange(address: tuple[str, int], *parts: bytes) -> bytes:
    """The response to a request that is sent in parts."""
    with socket.create_connection(address, timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
        response = b""
        while received := connection.recv(65536):
            response += received
    return response


def headers_of(response: bytes) -> dict[str, list[str]]:
    """The headers that the application saw."""
    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    found: dict[str, list[str]] = {}
    pairs: Any = json.loads(body)
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("pause", [False, True], ids=["at once", "in parts"])
def test_trailers_are_no_headers(address: tuple[str, int], pause: bool) -> None:
    head = HEAD + b"Transfer-Encoding: chunked\r\nX-Request-ID: mine\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
    end = b"2\r\n{}\r\n0\r\nX-Request-ID: other\r\nX-Forwarded-For: 203.0.113.9\r\nAuthorization: Token a\r\n\r\n"
    parts = (head, end[:5], end[5:]) if pause else (head + end,)
    headers = headers_of(exchange(address, *parts))
    assert headers["x-request-id"] == ["mine"]
    assert headers["x-forwarded-for"] == ["192.0.2.1"]
    assert "authorization" not in headers


async def reject(scope: Scope, receive: Receive, send: Send) -> None:
    """Responds without reading the body."""
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@contextlib.contextmanager
def connected(app: ASGIApp) -> Iterator[socket.socket]:
    """A connection to a server in front of the application."""
    for middleware in load_shedding.middlewares():
        app = middleware.cls(app, *middleware.args, **middleware.kwargs)
    with running_server(app, http=HttpProtocol) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            yield connection


def drip(connection: socket.socket, seconds: float) -> None:
    """Send one byte after the other."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        connection.sendall(b"x")
        time.sleep(0.05)


def test_a_small_body_that_is_not_wanted_does_not_delay_the_response(monkeypatch: pytest.MonkeyPatch) -> None:
    """And its rest does not arrive for ever."""
    monkeypatch.setattr("serve_app.ingress.http_protocol.DISCARD_S", 0.5)
    head = b"POST /echo HTTP/1.1\r\nHost: raylens\r\nContent-Length: 200000\r\n\r\n"
    with connected(reject) as connection:
        for _ in range(2):  # the connection remains usable
            connection.sendall(head + bytes(1000))
            assert connection.recv(4096).startswith(b"HTTP/1.1 404")
            connection.sendall(bytes(199_000))
        connection.sendall(head)
        assert connection.recv(4096).startswith(b"HTTP/1.1 404")
        with pytest.raises(ConnectionError):
            drip(connection, 10)


def test_each_request_of_a_connection_has_its_own_headers(address: tuple[str, int]) -> None:
    first = HEAD.replace(b"close", b"keep-alive") + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: 1\r\n\r\n"
    response = exchange(address, first, HEAD + b"X-B: 2\r\nContent-Length: 0\r\n\r\n")
    assert b"x-a" not in response
    assert response.count(b'["x-b", "2"]') == 1


def test_the_server_does_not_name_itself(address: tuple[str, int]) -> None:
    for _ in range(2):
        head = exchange(address, HEAD + b"Content-Length: 0\r\n\r\n").partition(b"\r\n\r\n")[0].lower()
        assert b"\r\nserver:" not in head
        assert b"\r\ndate:" in head


@pytest.mark.parametrize(
    "header",
    [
        *(
            b"X-Session-Id: \xff",
            b"X-Session-ID: 1",
            b"serve_multiplexed_model_id: \xff",
            b"Serve-Multiplexed-Model-Id: a",
        ),
        *(b"X-Request-Timeout-Seconds: 0", b"X-Request-Timeout-Seconds: \xff", b"X-Request-Disconnect-Disabled: ?1"),
        *(b"X_Forwarded_For: 192.0.2.1", b"X_Request_ID: mine", b"Content_Length: 5"),
    ],
)
def test_headers_for_ray_serve_and_with_underscores_are_dropped(address: tuple[str, int], header: bytes) -> None:
    headers = headers_of(exchange(address, HEAD + header + b"\r\nContent-Length: 0\r\n\r\n"))
    assert headers.keys() == {"host", "connection", "content-length", "x-request-id"}
    assert headers["x-request-id"] != ["mine"]


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"Content-Length: +2\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        HEAD + b"X-Request-ID : mine\r\n\r\n",
        HEAD + b"X-A: a\0b\r\n\r\n",
        HEAD + b"X-A: a\r\n b\r\n\r\n",
        HEAD + b"X-A\xff: b\r\n\r\n",
        HEAD + b"X-A: a\rb\r\n\r\n",
        HEAD + b": a\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\n\r\n",
        b"GET / HTTP/1.1 HTTP/1.1\r\n\r\n",
        b"GET\t/ HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    ],
)
def test_ambiguous_requests_are_refused(address: tuple[str, int], request_: bytes) -> None:
    response = exchange(address, request_)
    assert response.startswith(b"HTTP/1.1 400")
    assert b"\r\nserver:" not in response.lower()


@pytest.mark.parametrize("id_", [b"a b", b"a\tb", b"<script>", b"\xc3\xa4", b"a" * 129, b'a"b', b"$(a)", b""])
def test_a_malformed_request_id_is_replaced(address: tuple[str, int], id_: bytes) -> None:
    headers = headers_of(exchange(address, HEAD + b"X-Request-ID: " + id_ + b"\r\nContent-Length: 0\r\n\r\n"))
    (found,) = headers["x-request-id"]
    assert len(found) == 36
