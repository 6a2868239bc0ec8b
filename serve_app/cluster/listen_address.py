"""The address and port on which the service accepts requests."""

import errno
import os
import socket
from dataclasses import dataclass
from typing import Any, Self

_Sockaddr = tuple[Any, ...]


class AddressUnusable(RuntimeError):
    """The service cannot listen there; the message is one line."""


class PortInUse(AddressUnusable):
    """Another program listens there."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """All addresses of this machine that the setting stands for."""

    host: str
    port: int
    sockaddrs: tuple[_Sockaddr, ...]
    """Python's addresses: (address, port) or, for IPv6, (address, port, flow, scope)."""

    @classmethod
    def resolve(cls, host: str, port: int) -> Self:
        """Find the addresses and check that each can be bound. Raises AddressUnusable."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except (OSError, UnicodeError):
            raise AddressUnusable(_not_local(host)) from None
        failures = {address: _bind_failure(family, address) for family, _, _, _, address in found}
        usable = tuple(address for address, failure in failures.items() if failure is None)
        fatal = [failure for failure in failures.values() if failure not in {None, *_NOT_HERE}]
        if fatal or not usable:
            raise _error(host, port, (fatal or [None])[0])
        return cls(host, port, usable)

    @property
    def reachable_host(self) -> str:
        """Where a client on this machine reaches the service."""
        address = str(self.sockaddrs[0][0])
        return _LOOPBACK.get(address, address + _zone(self.sockaddrs[0]))

    def taken(self) -> bool:
        """Whether another process has taken the port since it was checked."""
        try:
            self.resolve(self.host, self.port)
        except AddressUnusable:
            return True
        return False

    def haproxy_binds(self) -> tuple[str, ...]:
        """The addresses, as HAProxy writes them. ``::`` becomes two: on a socket for both, all clients have IPv6."""
        return tuple(bind for sockaddr in self.sockaddrs for bind in _haproxy_addresses(sockaddr))


_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL})
"""The address belongs to another machine, or its family or interface does not exist."""


def _bind_failure(family: int, address: _Sockaddr) -> int | None:
    """The error number, None if the address can be bound."""
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if address[0] == "::":
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            probe.bind(address)
    except OSError as error:
        return error.errno
    return None


def _error(host: str, port: int, failure: int | None) -> AddressUnusable:
    if failure is None:
        return AddressUnusable(_not_local(host))
    remedy = "choose another port with --port or RAYLENS_PORT."
    if failure == errno.EADDRINUSE:
        return PortInUse(f"port {port} of {host} is in use by another program; {remedy}")
    if failure in {errno.EACCES, errno.EPERM}:
        return AddressUnusable(
            f"port {port} is reserved for the administrator, who alone may use those below 1024; {remedy}"
        )
    return AddressUnusable(f"port {port} of {host} cannot be bound ({os.strerror(failure)}); {remedy}")


def _not_local(host: str) -> str:
    if host.lower().startswith("fe80:") and "%" not in host:
        return f"RAYLENS_HOST: {host} needs the name of its interface, like {host}%eth0."
    return (
        f"RAYLENS_HOST: {host} is not an address of this machine; use one of its addresses, 127.0.0.1 for clients on "
        "this machine only, or 0.0.0.0 for all."
    )


def _zone(sockaddr: _Sockaddr) -> str:
    """``%`` and the interface of a link-local address, empty for others."""
    return f"%{socket.if_indextoname(sockaddr[3])}" if len(sockaddr) > 2 and sockaddr[3] else ""


def _haproxy_addresses(sockaddr: _Sockaddr) -> tuple[str, ...]:
    address, port = str(sockaddr[0]), sockaddr[1]
    if ":" not in address:
        return (f"{address}:{port}",)
    if address == "::":
        return f"0.0.0.0:{port}", f"[::]:{port} v6only"
    interface = _zone(sockaddr).replace("%", " interface ")
    return (f"[{address}]:{port}{interface}",)
