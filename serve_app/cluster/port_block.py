"""The private ports of a service: a block of ports of this machine that no other service uses."""

import contextlib
import random
import socket
from typing import Final

_BLOCK: Final = 100
_FIRST, _LAST = 20_000, 32_000  # below the ports that the kernel gives to outgoing connections
_ROLES: Final = (
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT",
    "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT",
    "RAY_SERVE_HAPROXY_METRICS_PORT",
    "RAY_SERVE_HAPROXY_STATS_PORT",
)


class NoFreePorts(OSError):
    """No block of ports is free."""


class PortBlock:
    """A block of ports, reserved until :meth:`close`.

    Ray's default ports are the same for all services, which would share them without an error: while an ingress
    restarts, its HAProxy would send requests to the replicas of another service.
    """

    def __init__(self, *public: int) -> None:
        """``public``: ports that the service itself uses, outside of the block. Raises NoFreePorts."""
        blocks = [first for first in range(_FIRST, _LAST, _BLOCK) if not {*public} & {*range(first, first + _BLOCK)}]
        random.shuffle(blocks)
        for first in blocks:
            reservation = _reserve(first)
            self.first = first
            if reservation and not self.taken():
                self._reservation = reservation
                return
            if reservation:
                reservation.close()
        raise NoFreePorts(f"none of the ports {_FIRST} to {_LAST} is free")

    @property
    def ray_metrics_port(self) -> int:
        return self.first + 1 + len(_ROLES)

    def flags(self) -> dict[str, str]:
        """The environment variables that set the ports."""
        roles = {role: str(self.first + 1 + number) for number, role in enumerate(_ROLES)}
        return roles | {
            "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(self.first + 10),
            "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(self.first + _BLOCK - 1),
        }

    def taken(self) -> list[int]:
        """The ports that another process uses; for a block whose own service does not run."""
        return [port for port in range(self.first + 1, self.ray_metrics_port + 1) if not is_free(port)]

    def close(self) -> None:
        """Let another service use the block."""
        self._reservation.close()


def is_free(port: int, address: str = "") -> bool:
    """Whether a server can listen on the port. Default address: all interfaces."""
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def _reserve(first: int) -> socket.socket | None:
    """Keep the first port of a block, which other services then skip."""
    reservation = socket.socket()
    try:
        reservation.bind(("127.0.0.1", first))
    except OSError:
        reservation.close()
        return None
    return reservation
