import contextlib
import socket
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx
import pytest

from serve_app.cli.authorization_client import OAuthRejected
from serve_app.cli.callback_server import CallbackServer, InvalidCallback, parse_callback

STATE = "the state of this sign-in"
ISSUER = "https://raylens.example.org"
VALID = {"code": "rlc_code", "state": STATE, "iss": ISSUER}


@pytest.fixture
def server() -> Iterator[CallbackServer]:
    with CallbackServer(state=STATE, issuer=ISSUER) as server:
        yield server


def visit(server: CallbackServer, parameters: dict[str, str], method: str = "GET", path: str = "") -> httpx.Response:
    url = httpx.URL(server.redirect_uri)
    return httpx.request(method, url.copy_with(path=path or url.path), params=parameters, trust_env=False)


def test_the_browser_delivers_the_code_and_gets_a_page(server):
    page = visit(server, VALID)
    assert server.wait_for_code(1) == "rlc_code"
    assert page.status_code == 200
    assert "return to the terminal" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_it_listens_on_a_random_loopback_port(server):
    assert server.redirect_uri.startswith("http://127.0.0.1:")
    assert server.redirect_uri.endswith("/callback")
    with CallbackServer(state=STATE, issuer=ISSUER) as other:
        assert other.redirect_uri != server.redirect_uri


def test_a_denial_ends_the_wait(server):
    page = visit(server, {"error": "access_denied", "state": STATE, "iss": ISSUER})
    assert "Not signed in" in page.text
    with pytest.raises(OAuthRejected, match="denied in the browser"):
        server.wait_for_code(1)


def test_a_wait_without_a_response_times_out(server):
    with pytest.raises(TimeoutError):
        server.wait_for_code(0.01)


def test_invalid_responses_are_rejected_and_the_wait_continues(server):
    for parameters in (
        {},
        VALID | {"state": "another"},
        VALID | {"iss": "https://evil.example.org"},
        {"code": "rlc_code", "state": STATE},
        {"code": "rlc_code", "iss": ISSUER},
        {"state": STATE, "iss": ISSUER},
        {"error": "access_denied", "state": "another", "iss": ISSUER},
        {"error": "<script>alert(1)</script>", "state": "ä", "iss": ISSUER},
    ):
        page = visit(server, parameters)
        assert page.status_code == 400, parameters
        assert "<script>" not in page.text
    visit(server, VALID)
    assert server.wait_for_code(1) == "rlc_code"


def test_other_paths_and_methods_are_rejected(server):
    assert visit(server, VALID, path="/").status_code == 404
    assert visit(server, VALID, path="/favicon.ico").status_code == 404
    assert visit(server, VALID, method="POST").status_code == 501
    with pytest.raises(TimeoutError):
        server.wait_for_code(0.01)


def test_long_requests_are_rejected(server):
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as connection:
        connection.sendall(b"GET /callback?".ljust(65_537, b"a"))  # one byte more than the limit of http.server
        assert connection.recv(100).startswith(b"HTTP/1.0 414 ")


def test_a_repeated_parameter_is_ignored():
    repeated = urlencode([*VALID.items(), ("code", "rlc_other")])
    with pytest.raises(InvalidCallback, match="no code"):
        parse_callback(f"http://127.0.0.1/callback?{repeated}", state=STATE, issuer=ISSUER)


@pytest.mark.parametrize("address", ["", "hello", "http://[::1", "?", "?" + "a=1&" * 50, "?state=\udcff", "?=&=&%"])
def test_a_pasted_address_without_a_response_is_rejected(address):
    with pytest.raises(InvalidCallback):
        parse_callback(address, state=STATE, issuer=ISSUER)


def test_the_first_response_counts(server):
    assert visit(server, VALID).status_code == 200
    later = visit(server, VALID | {"code": "rlc_other"})
    assert (later.status_code, "already complete" in later.text) == (409, True)
    assert server.wait_for_code(1) == "rlc_code"


def test_idle_connections_delay_neither_the_response_nor_the_end(capfd):
    """Browsers open spare connections, and reset some."""
    with contextlib.ExitStack() as connections, CallbackServer(state=STATE, issuer=ISSUER) as server:
        address = ("127.0.0.1", server.server_port)
        idle = [connections.enter_context(socket.create_connection(address, timeout=30)) for _ in range(3)]
        idle[0].sendall(b"GET /callback?" + b"a" * 16 * 1024)
        idle[1].sendall(b"\xff\x00\r\n\r\n")
        visit(server, VALID)
        assert server.wait_for_code(1) == "rlc_code"
    assert capfd.readouterr().err == ""
