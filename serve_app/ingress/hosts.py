"""The names of the service: requests for other hosts are refused.

A page of another site whose name resolves to this machine (DNS rebinding) could otherwise use the service like its own
pages, from the browser of a user, also behind a firewall. Such a page has the name of that site. It cannot have an IP
address for a name, nor a name without a dot, which no site on the Internet has.
"""

import socket
import threading
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from auth.http.host import HostName
from serve_app.errors import InvalidRequest, RaylensError, UnknownHost
from serve_app.host_patterns import ascii_host
from serve_app.settings import Settings

HEALTH_CHECKS: Final = frozenset(
    f"{prefix}{path}" for prefix in ("", "/api") for path in ("/health", "/health/live", "/health/ready")
)
"""Load balancers send any host there, or none."""


_MAX_LENGTH: Final = 300


@lru_cache(maxsize=1000)
def _parsed(header: bytes) -> HostName | None:
    """Cached, because nearly all requests name the same host."""
    return HostName.parse(header.decode("latin-1"))


class AllowedHosts:
    """Names by which clients may address the service."""

    def __init__(self, settings: Settings) -> None:
        patterns = settings.allowed_hosts
        self._any = "*" in patterns
        self._suffixes = (".localhost", *(pattern[1:] for pattern in patterns if pattern.startswith("*.")))
        self._names = frozenset(pattern for pattern in patterns if not pattern.startswith("*"))
        self._names |= {settings.host.lower()}
        if settings.public_url:
            self._names |= {ascii_host(urlsplit(settings.public_url).hostname or "")}
        if not settings.is_local:
            self._add(socket.gethostname())
            # In a thread of its own, because it asks name servers, which may not respond.
            threading.Thread(target=lambda: self._add(socket.getfqdn()), daemon=True).start()

    def allows(self, host: HostName) -> bool:
        name = host.name
        return host.is_address or "." not in name or name in self._names or self._any or name.endswith(self._suffixes)

    def rejection(self, headers: list[tuple[bytes, bytes]]) -> RaylensError | None:
        """Why a request with these headers is refused; None if it is not."""
        hosts = [value for name, value in headers if name == b"host"]
        host = _parsed(hosts[0]) if len(hosts) == 1 and len(hosts[0]) <= _MAX_LENGTH else None
        if host is None:
            return InvalidRequest("A request must have one header Host with a host name or an address.")
        if not self.allows(host):
            return UnknownHost(
                f"{host.name} is not a name of this service. If it should be, its operator adds it to "
                "RAYLENS_ALLOWED_HOSTS."
            )
        return None

    def _add(self, machine: str) -> None:
        """A name of this machine, also as it is announced by multicast DNS."""
        name = machine.lower().removesuffix(".")
        self._names |= {name, f"{name.partition('.')[0]}.local"}
