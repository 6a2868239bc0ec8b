from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.fetch.addresses import AddressPolicy

PUBLIC = [
    "8.8.8.8",
    "93.184.216.34",
    "2606:4700::1111",
    "2a00:1450:4001:800::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]

NOT_PUBLIC = {
    "unspecified": ["0.0.0.0", "0.1.2.3", "::"],
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456::1", "fec0::1"],
    "shared": ["100.64.0.1", "100.127.255.254", "100.100.100.200"],
    "link-local": ["169.254.0.1", "fe80::1"],
    "zone": ["fe80::1%eth0", "2606:4700::1111%eth0", "::ffff:8.8.8.8%1"],
    "metadata": ["169.254.169.254", "169.254.170.2", "fd00:ec2::254", "168.63.129.16", "192.0.0.192"],
    "multicast": ["224.0.0.1", "233.252.0.1", "239.255.255.250", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "5f00::1", "100::1", "4000::1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarking": ["198.18.0.1", "2001:2::1"],
    "protocol": ["192.0.0.9", "192.88.99.1", "2001:1::1"],
    "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1"],
    "IPv4-compatible": ["::7f00:1", "::808:808"],
    "6to4": ["2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1"],
    "Teredo": ["2001:0:7f00:1::1", "2001::1"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::a00:1", "64:ff9b:1::808:808"],
}


def test_public_addresses_are_allowed():
    assert [address for address in PUBLIC if not AddressPolicy().allows(ip_address(address))] == []


@pytest.mark.parametrize("kind", NOT_PUBLIC)
def test_other_addresses_are_rejected(kind: str):
    assert [address for address in NOT_PUBLIC[kind] if AddressPolicy().allows(ip_address(address))] == []


def test_allowed_networks_are_added():
    policy = AddressPolicy([ip_network("127.0.0.0/8"), ip_network("fd00::/8")])
    for address in ("127.0.0.1", "::ffff:127.0.0.1", "fd00::1", "8.8.8.8"):
        assert policy.allows(ip_address(address))
    for address in ("10.0.0.1", "::1", "fc00::1"):
        assert not policy.allows(ip_address(address))


@given(st.ip_addresses(v=4))
def test_a_wrapped_address_is_treated_like_the_original(address):
    policy = AddressPolicy()
    for wrapped in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert policy.allows(ip_address(wrapped)) == policy.allows(address)
