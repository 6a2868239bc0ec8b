"""The network backend of the fetcher: checks the address of every connection before it is opened."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Final

import httpcore

from serve_app.errors import FetchFailed, ForbiddenAddress
from serve_app.fetch.addresses import AddressPolicy, IpAddress
from serve_app.fetch.connection import ReusableStream

Resolver = Callable[[str], Awaitable[Sequence[IpAddress]]]
"""Returns the addresses of a host name, best first. Raises ``OSError`` if there are none."""

_ATTEMPT_S: Final = 3.0
"""Per address, so that the timeout of the fetch leaves time for the next address."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a host once, checks all of its addresses, and connects to one of the checked addresses.

    Redirects, pooled connections and DNS rebinding therefore cannot reach any other address. TLS and the Host header
    still use the host name.
    """

    def __init__(self, policy: AddressPolicy, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver
        self._network = httpcore.AnyIOBackend()
        self.in_use: ContextVar[ReusableStream | None] = ContextVar("in_use", default=None)
        """The connection that carries a request of the current task."""

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
        :raises FetchFailed: it has no address, or no address accepts the connection.
        """
        attempt_s = _ATTEMPT_S if timeout is None else min(timeout, _ATTEMPT_S)
        for address in await self._checked(host):
            try:
                stream = await self._network.connect_tcp(str(address), port, attempt_s, local_address, socket_options)
                return ReusableStream(stream, self.in_use)
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
