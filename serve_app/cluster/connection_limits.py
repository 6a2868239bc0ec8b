"""Limits for the connections of clients, as lines of HAProxy's configuration.

All connections together have a limit, because each takes memory and file descriptors. What keeps one client from using
them up: a limit per address, one that falls while many connections are open, and short timeouts for what is unfinished.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from serve_app.cluster.haproxy_errors import TOO_MANY_CONNECTIONS, TOO_MANY_REQUESTS, response

_CONNECTIONS: Final = "raylens_connections"
_REQUESTS: Final = "raylens_requests"
_NETWORK: Final = "ipmask(32,64)"
"""A host of IPv4; a network of IPv6 in which one client chooses its addresses."""
_MIN_PER_ADDRESS: Final = 8
_MAX_HOPS: Final = 10
"""HAProxy finds the tenth element from the end of a header, at most."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. A client that makes progress is never interrupted, except in its headers."""

    headers: float = 10.0
    """For the headers of a request, from its first byte, or from the connection."""
    silence: float = 30.0
    """For a client that neither sends nor receives a byte while it should, in the middle of a body."""

    def lines(self) -> list[str]:
        """For HAProxy's defaults."""
        headers, silence = _milliseconds(self.headers), _milliseconds(self.silence)
        return [
            f"timeout http-request {headers}",
            f"timeout client {silence}",
            f"timeout client-fin {headers}",
            f"timeout server-fin {headers}",
            f"timeout tunnel {silence}",
            f"timeout queue {silence}",
            # Browsers connect in advance; an answer would be taken for that of their next request.
            "option http-ignore-probes",
        ]


def effective_limit(per_address: int, connections: int) -> int:
    """The limit of an address: as configured, but never more than an eighth of all. 0: none."""
    return min(per_address, max(_MIN_PER_ADDRESS, connections // 8))


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits of the frontend for clients."""

    connections: int
    """Of all clients."""
    per_address: int
    """Of one address, at most an eighth of all; behind proxies, its concurrent requests. 0: unlimited."""
    hops: int
    """Trusted proxies in front, each connection of which carries the requests of many clients."""
    exempt: Sequence[str]
    """Addresses whose connections are limited only while many are open: a local proxy, a load test."""

    def lines(self) -> list[str]:
        """For the frontend, in the order in which HAProxy evaluates them."""
        return [
            f"maxconn {self.connections}",
            f"tcp-request connection track-sc0 src,{_NETWORK} table {_CONNECTIONS}",
            *self._crowded(),
            *(self._behind_proxies() if self.hops else self._direct()),
            f"http-after-response set-header Connection close if {{ fe_conn gt {self.connections // 2} }}",
        ]

    @property
    def _limit(self) -> int:
        return effective_limit(self.per_address, self.connections)

    @property
    def _unless_exempt(self) -> str:
        return f"!{{ src {' '.join(self.exempt)} }}" if self.exempt else ""

    def _direct(self) -> list[str]:
        """A few connections above the limit get a response; further ones are closed before they cost anything."""
        limit = self._limit
        if not limit:
            return []
        told = limit + max(_MIN_PER_ADDRESS, limit // 8)
        excess = f"{{ sc0_conn_cur gt {limit} }} {self._unless_exempt}"
        return [
            f"tcp-request connection reject if {{ sc0_conn_cur gt {told} }} {self._unless_exempt}",
            f"tcp-request connection set-var(sess.excess) bool(true) if {excess}",
            f"http-request return {response(TOO_MANY_CONNECTIONS)} if {{ var(sess.excess) -m bool }}",
        ]

    def _behind_proxies(self) -> list[str]:
        """A client is the address that the outermost proxy saw, or the peer if it has come past the proxies."""
        limit = self._limit
        if not limit or self.hops > _MAX_HOPS:
            return []
        element = f"(x-forwarded-for,-{self.hops})"
        written = (
            f"req.hdr_ip{element}",  # with or without a port, if it is of IPv4
            f"req.hdr{element},field(1,]),field(1,%),ltrim([)",  # [2001:db8::1]:4711, fe80::1%eth0
            "src",
        )
        return [
            *(
                f"http-request set-var(txn.client) {each},{_NETWORK} unless {{ var(txn.client) -m found }}"
                for each in written
            ),
            f"http-request track-sc1 var(txn.client) table {_REQUESTS}",
            f"http-request return {response(TOO_MANY_REQUESTS)} if {{ sc1_conn_cur gt {limit} }}",
        ]

    def _crowded(self) -> list[str]:
        """The more connections are open, the fewer an address may have: many addresses cannot use up all together.

        The last eighth is for addresses with few connections, which include health checks and administrators.
        """
        usual = self._limit or self.connections // 8
        few, fewer = max(_MIN_PER_ADDRESS, usual // 8), max(_MIN_PER_ADDRESS, usual // 32)
        half, most, last = self.connections // 2, self.connections * 3 // 4, self.connections * 7 // 8
        rules = [
            f"tcp-request connection reject if {{ fe_conn gt {half} }} {{ sc0_conn_cur gt {few} }} "
            f"{self._unless_exempt}",
            f"tcp-request connection reject if {{ fe_conn gt {most} }} {{ sc0_conn_cur gt {fewer} }}",
        ]
        return [
            *([] if self.hops else rules),
            f"tcp-request connection reject if {{ fe_conn gt {last} }} {{ sc0_conn_cur gt {_MIN_PER_ADDRESS} }}",
        ]


def table_lines(timeouts: Timeouts) -> list[str]:
    """Sections with the tables that count."""
    table = f"    stick-table type ipv6 size 64k expire {_milliseconds(timeouts.silence)} store conn_cur"
    return [line for name in (_CONNECTIONS, _REQUESTS) for line in (f"backend {name}", table)]


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
