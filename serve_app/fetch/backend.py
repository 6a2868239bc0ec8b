"""The one place where a socket for a fetch is opened, and so the one place where its address is checked."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Final

import httpcore

from serve_app.errors import FetchFailed, ForbiddenAddress
from serve_app.fetch.addresses import AddressPolicy, IpAddress

Resolver = Callable[[str], Awaitable[Sequence[IpAddress]]]
"""Host name → its addresses, best first. Raises ``OSError`` where there are none."""

_ATTEMPT_S: Final = 3.0
"""For one address, so that the next ones still have a chance within the time of the fetch."""


async def resolve_host(host: str) -> list[IpAddress]:
    """The addresses of ``host`` by the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, checks every address, and connects to one of the very addresses it has checked.

    So neither a redirect nor a pooled connection nor a DNS answer that changes between two look-ups leads anywhere
    else. TLS and the Host header still see the name.
    """

    def __init__(self, policy: AddressPolicy, resolver: Resolver = resolve_host) -> None:
        self._policy = policy
        self._resolver = resolver
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to an allowed address of ``host``.

        :raises ForbiddenAddress: one of its addresses is not allowed.
        :raises FetchFailed: it has no address, or none of them answers.
        """
        attempt_s = _ATTEMPT_S if timeout is None else min(timeout, _ATTEMPT_S)
        for address in await self._checked(host):
            try:
                return await self._network.connect_tcp(str(address), port, attempt_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        raise FetchFailed(f"{host} does not answer on port {port}.")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise ForbiddenAddress("Images are not fetched from local sockets.")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _checked(self, host: str) -> Sequence[IpAddress]:
        addresses = await self._addresses(host)
        if not all(self._policy.allows(address) for address in addresses):
            raise ForbiddenAddress(f"{host} is, or leads to, an address that image URLs may not reach.")
        return addresses

    async def _addresses(self, host: str) -> Sequence[IpAddress]:
        try:
            return [ip_address(host)]
        except ValueError:
            pass
        try:
            return await self._resolver(host)
        except (OSError, ValueError) as error:
            raise FetchFailed(f"The host name {host} cannot be resolved.") from error
