"""Raw and ambiguous requests through HAProxy, Ray Serve and the HTTP server: what a client cannot forge."""

import socket
import time

import httpx
import pytest

from tests.e2e.accounts import create_token, credentials
from tests.service import Service

pytestmark = pytest.mark.e2e

HEAD = b"POST /secret HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


def exchange(service: Service, request: bytes) -> tuple[int, str]:
    """The status and the whole response."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(request)
        response = b""
        while received := connection.recv(65536):
            response += received
    text = response.decode("latin-1").lower()
    assert "\r\nserver:" not in text
    is_fixed = text.endswith(
        "your browser sent an invalid request.\n</body></html>\n"
    )  # HAProxy's, which no option changes
    assert is_fixed or "\r\nx-content-type-options: nosniff\r\n" in text
    return int(text.split()[1]), text


def test_the_address_of_a_client_is_that_of_its_connection(service: Service) -> None:
    """Whatever it writes into X-Forwarded-For, on lines or in trailers, and without any setting."""
    own = {"Authorization": f"Token {create_token(service, 'heidi')}"}
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=service.url, transport=transport, timeout=30) as client:
        headers = [
            ("X-Forwarded-For", "192.0.2.1, 192.0.2.2"),
            ("X-Forwarded-For", "192.0.2.3"),
            ("Forwarded", "for=a"),
        ]
        assert client.post("/auth/token/login/", json=credentials("heidi"), headers=headers).status_code == 200
        sessions = client.get("/api/v1/account/sessions", headers=own).json()["items"]
    assert sessions[0]["address"] == "127.0.0.2"


def test_trailers_are_no_headers(service: Service) -> None:
    request = HEAD + b"X-Request-ID: mine\r\nTransfer-Encoding: chunked\r\n\r\n"
    status, response = exchange(service, request + b"2\r\n{}\r\n0\r\nX-Request-ID: other\r\n\r\n")
    assert status == 405
    assert "\r\nx-request-id: mine\r\n" in response
    assert "other" not in response


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /report HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421),
        (b"GET http://evil.example/report HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421),
        (b"GET http://evil.example/report HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400),
        (b"GET /report HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400),
        (b"GET /report HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET /top/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 307),
        (b"GET /-/healthz HTTP/1.1\r\nHost: 10.0.0.7\r\nConnection: close\r\n\r\n", 200),
        (b"GET /health HTTP/1.0\r\n\r\n", 200),
        (HEAD + b"Authorization: Token a\r\nAuthorization: Token b\r\n\r\n", 400),
        (
            HEAD + b"X-Session-Id: \xff\r\nX-Request-Timeout-Seconds: \xff\r\nserve_multiplexed_model_id: \xff\r\n\r\n",
            405,
        ),
        (HEAD + b"X-Forwarded-For: \xff\xb2, ,\r\nX-Request-ID: a\xff\r\n\r\n", 405),
        (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (HEAD + b"X-A: a\0b\r\n\r\n", 400),
    ],
)
def test_a_request_means_one_thing(service: Service, request_: bytes, status: int) -> None:
    found, response = exchange(service, request_)
    assert found == status
    if status == 307:
        assert "\r\nlocation: ../top\r\n" in response


def test_a_body_is_asked_for_only_if_a_route_wants_it(service: Service) -> None:
    """Ray Serve alone takes every body into a queue. Its own proxy does, which may answer just after the start."""

    def first_status(path: str) -> bytes:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
        with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
            connection.sendall(head.encode())
            return connection.recv(65536).split()[1]

    deadline = time.monotonic() + 60
    while first_status("/nowhere") != b"404":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert first_status("/api/v1/classifications") == b"100"
