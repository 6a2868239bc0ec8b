"""The addresses that image URLs may reach: the public internet, plus networks of the settings."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

IpAddress = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


_GLOBAL_UNICAST_V6: Final = ip_network("2000::/3")

_NAT64: Final = IPv6Network("64:ff9b::/96")

_NOT_PUBLIC: Final = tuple(
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's metadata and DNS service, in the public range
        "192.0.0.0/24",  # IETF protocol assignments, including Oracle's metadata service
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # IETF protocol assignments, including Teredo
        "2002::/16",  # 6to4: wraps any IPv4 address
        "3fff::/20",  # documentation
    )
)


class AddressPolicy:
    """Global unicast addresses only, plus ``allowed`` networks."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def allows(self, address: IpAddress) -> bool:
        """Whether a connection to ``address`` may be opened."""
        address = _unwrapped(address)
        return any(address in network for network in self._allowed) or _is_public(address)


def _unwrapped(address: IpAddress) -> IpAddress:
    """The IPv4 address behind a mapped or NAT64 address; other addresses unchanged."""
    if isinstance(address, IPv6Address) and address.scope_id is None:
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: IpAddress) -> bool:
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address not in _GLOBAL_UNICAST_V6):
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _NOT_PUBLIC)
    )
