"""The addresses of RAYLENS_HOST, as HAProxy binds them, and the messages for those that cannot be used."""

import socket
from pathlib import Path

import pytest

from serve_app.cluster.listen_address import AddressUnusable, ListenAddress
from tests.servers.process import free_port


def binds(host: str) -> list[str]:
    address = ListenAddress.resolve(host, free_port())
    return [line.replace(str(address.port), "PORT") for line in address.haproxy_binds()]


def test_ipv4() -> None:
    assert binds("127.0.0.1") == ["127.0.0.1:PORT"]
    assert binds("0.0.0.0") == ["0.0.0.0:PORT"]


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="no IPv6")
def test_ipv6() -> None:
    assert binds("::1") == ["[::1]:PORT"]
    assert binds("::") == ["0.0.0.0:PORT", "[::]:PORT v6only"], "also for clients with IPv4"


def test_a_host_name_stands_for_its_addresses() -> None:
    assert "127.0.0.1:PORT" in binds("localhost")


def link_local() -> tuple[str, str]:
    """Address and interface, from the kernel's list of addresses."""
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        lines = []
    for fields in map(str.split, lines):
        if fields[3] == "20" and (int(fields[4], 16) & 0x40) == 0:  # link-local, and not tentative
            return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(fields[0])), fields[5]
    pytest.skip("no link-local address")


def test_a_link_local_address_needs_its_interface() -> None:
    address, interface = link_local()
    assert binds(f"{address}%{interface}") == [f"[{address}]:PORT interface {interface}"]
    assert ListenAddress.resolve(f"{address}%{interface}", free_port()).reachable_host == f"{address}%{interface}"
    with pytest.raises(AddressUnusable, match="needs the name of its interface"):
        binds(address)


def test_where_a_client_on_this_machine_reaches_it() -> None:
    assert ListenAddress.resolve("0.0.0.0", free_port()).reachable_host == "127.0.0.1"
    assert ListenAddress.resolve("127.0.0.1", free_port()).reachable_host == "127.0.0.1"


@pytest.mark.parametrize(
    "host", ["203.0.113.7", "2001:db8::1", "256.1.1.1", "nowhere.invalid", "a" * 300, "\udcff", "-"]
)
def test_an_address_of_another_machine(host: str) -> None:
    with pytest.raises(AddressUnusable, match="is not an address of this machine") as caught:
        binds(host)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_port_in_use(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AddressUnusable, match=f"port {port} .* in use by another program"):
            ListenAddress.resolve(host, port)


def test_a_port_that_is_taken_later() -> None:
    address = ListenAddress.resolve("127.0.0.1", free_port())
    assert not address.taken()
    with socket.create_server(("127.0.0.1", address.port)):
        assert address.taken()
