"""Client addresses of requests: the peer of the connection, or what trusted proxies wrote."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.client_address import ClientAddress
from serve_app.ingress.clients import ClientAddresses
from serve_app.proxy_token import ProxyTokens, proxy_token

PEER = "10.0.0.9"


def client_of(hops: int, *lines: str, peer: tuple[str, int] | None = (PEER, 1)) -> ClientAddress:
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in lines]
    return ClientAddresses(hops).of({"type": "http", "client": peer, "headers": headers})


@pytest.mark.parametrize(
    ("hops", "lines", "address"),
    [
        (0, ("192.0.2.1",), PEER),
        (1, (), PEER),
        (1, ("192.0.2.1",), "192.0.2.1"),
        (1, ("192.0.2.1, 192.0.2.2",), "192.0.2.2"),
        (2, ("192.0.2.1, 192.0.2.2",), "192.0.2.1"),
        (2, ("203.0.113.9, 192.0.2.1, 192.0.2.2",), "192.0.2.1"),
        (1, ("203.0.113.9", "192.0.2.1"), "192.0.2.1"),  # the proxy appends a line of its own
        (2, ("203.0.113.9", "192.0.2.1,\t192.0.2.2"), "192.0.2.1"),
        (2, ("203.0.113.9, 192.0.2.1", "192.0.2.2"), "192.0.2.1"),
        (1, ("192.0.2.1 ,, ,",), "192.0.2.1"),
        (1, ("192.0.2.1:4711",), "192.0.2.1"),
        (1, ("[2001:db8::1]:4711",), "2001:db8::1"),
        (2, ("unknown, 192.0.2.2",), "192.0.2.2"),
        (3, ("203.0.113.9, \u00b21.0.0.1, 192.0.2.1:x, 192.0.2.2",), "192.0.2.2"),
        (2, ("_hidden, unknown",), PEER),
        (3, ("192.0.2.1",), "192.0.2.1"),
        (1, ("203.0.113.9," * 1000 + "192.0.2.1",), "192.0.2.1"),
        (16, ("1" * 5000,), PEER),
    ],
)
def test_only_what_trusted_proxies_wrote_counts(hops: int, lines: tuple[str, ...], address: str) -> None:
    assert client_of(hops, *lines).address == address


def test_other_headers_are_ignored() -> None:
    names = (b"x-real-ip", b"x-client-ip", b"true-client-ip", b"cf-connecting-ip", b"x_forwarded_for")
    headers = [(b"forwarded", b"for=192.0.2.1"), *((name, b"192.0.2.1") for name in names)]
    assert ClientAddresses(1).of({"type": "http", "client": (PEER, 1), "headers": headers}).address == PEER


def test_a_connection_without_an_address() -> None:
    assert client_of(0, peer=None) == ClientAddress("unknown", "unknown")
    assert client_of(1, "192.0.2.1", peer=None).address == "192.0.2.1"


def test_the_address_is_parsed_once() -> None:
    scope: dict[str, Any] = {"type": "http", "client": (PEER, 1), "headers": [(b"x-forwarded-for", b"192.0.2.1")]}
    clients = ClientAddresses(1)
    assert clients.of(scope) is clients.of(scope)


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        ((proxy_token(b"new"),), "192.0.2.1"),
        ((proxy_token(b"old"),), "192.0.2.1"),  # HAProxy has started before the key was changed
        ((proxy_token(b"other"),), PEER),
        ((proxy_token(b"new"), proxy_token(b"new")), PEER),
        (("",), PEER),
        (("\u00fc",), PEER),
        ((), PEER),
    ],
)
def test_a_request_past_haproxy_counts_as_its_peer(sent: tuple[str, ...], address: str) -> None:
    """Other users of the machine reach the ports of the replicas."""
    headers = [(b"x-raylens-proxy", token.encode("latin-1")) for token in sent]
    scope = {"type": "http", "client": (PEER, 1), "headers": [*headers, (b"x-forwarded-for", b"192.0.2.1")]}
    assert ClientAddresses(1, ProxyTokens([b"new", b"old"])).of(scope).address == address


@given(st.binary(max_size=200), st.integers(1, 16), st.ip_addresses(), st.integers(0, 65535))
def test_what_the_client_sends_has_no_effect(
    sent: bytes, hops: int, ip: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    written = f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}"
    trusted = [(b"x-forwarded-for", element.encode()) for element in [written] + ["10.0.0.1"] * (hops - 1)]
    scope = {"type": "http", "client": (PEER, 1), "headers": [(b"x-forwarded-for", sent), *trusted]}
    assert ClientAddresses(hops).of(scope) == ClientAddress.parse(str(ip))
