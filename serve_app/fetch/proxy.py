"""Fetching through a forward proxy, which resolves the host names of image URLs in place of Raylens."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import httpcore

from serve_app.errors import FetchFailed, ForbiddenAddress
from serve_app.fetch.addresses import AddressPolicy, IpAddress
from serve_app.fetch.backend import GuardedBackend

_INTERNAL: Final = re.compile(r"[^.]+|(.+\.)?(localhost|localdomain|local|internal|intranet|lan|corp|home\.arpa|svc)")
"""Names that only a private network resolves, such as ``redis`` and ``metadata.google.internal``."""


def proxy_at(address: str) -> httpcore.Proxy:
    """The proxy at an address like http://user:password@proxy.example.org:3128."""
    parts = urlsplit(address)
    login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return httpcore.Proxy(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "/", "", "")), login)


class ProxyBackend(GuardedBackend):
    """Connects to the proxy, which may have any address."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            return await super().connect_tcp(host, port, timeout, local_address, socket_options)
        except FetchFailed as error:
            raise FetchFailed("The proxy for images does not answer.") from error

    async def _checked(self, host: str) -> Sequence[IpAddress]:
        return await self._addresses(host)


def check_without_resolving(host: str, policy: AddressPolicy) -> None:
    """Reject what is certainly not public. What other names lead to, only the proxy knows.

    :raises ForbiddenAddress: an address that is not allowed, or a name of private networks.
    """
    try:
        is_allowed = policy.allows(ip_address(host))
    except ValueError:
        is_allowed = _INTERNAL.fullmatch(host) is None
    if not is_allowed:
        raise ForbiddenAddress(f"{host} is, or leads to, an address that image URLs may not reach.")
