"""Client addresses as text: canonical forms and groups, and text that is no address."""

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auth.client_address import ClientAddress, group_of


@pytest.mark.parametrize(
    ("text", "address", "group"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("[::FFFF:c000:207]:443", "192.0.2.7", "192.0.2.7"),
        ("2001:DB8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0db8:0001:0002::1", "2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]:65535", "2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::1", "fe80::/64"),
        ("[fe80::1%25eth0]:80", "fe80::1", "fe80::/64"),
    ],
)
def test_one_address_has_one_text(text: str, address: str, group: str) -> None:
    assert ClientAddress.parse(text) == ClientAddress(address, group)
    assert group_of(text) == group


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "unknown",
            "_hidden",
            "localhost",
            "192.0.2",
            "192.0.2.256",
            "192.0.2.07",
            "0xC0000207",
            "3221225991",
        ),
        *(
            "192.0.2.7:",
            "192.0.2.7:a",
            "192.0.2.7:123456",
            "192.0.2.7:4711:1",
            "192.0.2.7 ",
            "192.0.2.7\n",
            "192.0.2.7/32",
        ),
        *("[192.0.2.7", "2001:db8::1]", "[2001:db8::1]80", "[2001:db8::1]:", "2001:db8:::1", "[]", "[]:80", "::g"),
        *("192.0.2.\u0667", "192.0.2.7:\u0664\u0667", "192.0.2.\u00b2", "\uff11\uff19\uff12.0.2.7", "\uff3b::1\uff3d"),
        *("fe80::1%" + "x" * 60, "1" * 65, 'for="192.0.2.7"', "192.0.2.7\0", "192.0.2.7%eth0"),
    ],
)
def test_anything_else_is_no_address(text: str) -> None:
    assert ClientAddress.parse(text) is None


def test_a_peer_without_an_address_keeps_its_name() -> None:
    assert ClientAddress.of_peer("testclient") == ClientAddress("testclient", "testclient")
    assert group_of("") == ""
    assert len(ClientAddress.of_peer("x" * 1000).address) == 64


@given(st.ip_addresses(), st.integers(0, 65535))
def test_a_port_does_not_make_another_client(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    text = f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}"
    assert ClientAddress.parse(text) == ClientAddress.parse(str(ip))


@given(st.ip_addresses(v=6))
def test_text_and_group_are_stable(ip: ipaddress.IPv6Address) -> None:
    parsed = ClientAddress.parse(ip.exploded)
    assert parsed is not None
    assert ClientAddress.parse(parsed.address) == parsed
    assert ip.ipv4_mapped or ip in ipaddress.ip_network(parsed.group)


@given(st.text(max_size=80))
@example("[1:2]:3")
@example("%")
def test_any_text_is_an_address_or_none(text: str) -> None:
    parsed = ClientAddress.parse(text)
    assert parsed is None or ipaddress.ip_address(parsed.address)
