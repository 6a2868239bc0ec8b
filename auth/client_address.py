"""Client addresses: one text per address, and the group that limits count by."""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

_MAX_LENGTH: Final = 64
"""Characters of an address as proxies write it: brackets, an IPv6 address, a zone and a port take 60."""
_WRITTEN: Final = re.compile(
    r"\[(?P<bracketed>[0-9A-Fa-f:.]+)(%[^\]]*)?\](:[0-9]{1,5})?"  # [2001:db8::1]:4711
    r"|(?P<ipv4>[0-9.]+)(:[0-9]{1,5})?"  # 192.0.2.1:4711
    r"|(?P<ipv6>[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)(%.*)?"  # 2001:db8::1, fe80::1%eth0
)


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """An address in its canonical form, without port and zone; IPv4-mapped IPv6 is IPv4."""

    address: str
    """For logs, the audit log and lists of sessions."""
    group: str
    """For limits: the /64 network of an IPv6 address, all of which one customer usually has; else the address."""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """An address with or without brackets, zone and port; None for anything else, such as ``unknown``."""
        match = _WRITTEN.fullmatch(text) if len(text) <= _MAX_LENGTH else None
        if match is None:
            return None
        try:
            ip = ipaddress.ip_address(match["bracketed"] or match["ipv4"] or match["ipv6"])
        except ValueError:
            return None
        if isinstance(ip, ipaddress.IPv6Address):
            if ip.ipv4_mapped is None:
                return cls(str(ip), f"{ipaddress.IPv6Address(int(ip) >> 64 << 64)}/64")
            ip = ip.ipv4_mapped
        return cls(str(ip), str(ip))

    @classmethod
    def of_peer(cls, host: str) -> Self:
        """The peer of a connection; also for names, which have no IP address: sockets of Unix, tests."""
        name = host[:_MAX_LENGTH]
        return cls.parse(host) or cls(name, name)


@lru_cache(maxsize=4096)
def group_of(address: str) -> str:
    """The group of an address that was stored or passed on as text."""
    return ClientAddress.of_peer(address).group
