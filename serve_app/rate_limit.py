"""How many images one client may have classified in a while.

The generic cell rate algorithm: of each client one number is kept, the time at which its allowance is whole again.
An image moves it on by one interval; where it would lie more than a period ahead, the image is refused.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from typing import Protocol

from serve_app.circuit_breaker import Clock
from serve_app.errors import RateLimited
from serve_app.rate import Rate
from serve_app.settings import Settings

_MAX_CLIENTS = 100_000
"""Clients remembered in one process, about 25 MB; whoever was away longest is forgotten first."""


class Buckets(Protocol):
    """Where the clients' allowances are kept."""

    async def take(self, client: str, rate: Rate, images: int) -> float:
        """Take ``images`` from the allowance of ``client``: 0, or the seconds until they may be taken."""

    async def close(self) -> None:
        """Give connections and memory back."""


class EmbeddedBuckets:
    """Allowances of one process."""

    def __init__(self, clock: Clock = time.monotonic, max_clients: int = _MAX_CLIENTS) -> None:
        self._clock = clock
        self._max_clients = max_clients
        self._whole_at: OrderedDict[str, float] = OrderedDict()

    async def take(self, client: str, rate: Rate, images: int) -> float:
        now = self._clock()
        whole_at = max(self._whole_at.get(client, now), now) + images * rate.interval_s
        wait = whole_at - now - rate.period_s
        if wait > 1e-6:  # rounding, not an image too many
            return wait
        self._whole_at[client] = whole_at
        self._whole_at.move_to_end(client)
        if len(self._whole_at) > self._max_clients:
            self._whole_at.popitem(last=False)
        return 0.0

    async def close(self) -> None:
        self._whole_at.clear()

    def __len__(self) -> int:
        """Clients remembered."""
        return len(self._whole_at)


def open_buckets(settings: Settings) -> Buckets:
    """The allowances these settings ask for: shared by all replicas where there is a Redis."""
    embedded = EmbeddedBuckets()
    if not settings.redis_url:
        return embedded
    from serve_app.redis_buckets import RedisBuckets  # noqa: PLC0415 — importing redis is slow, embedded needs none
    from serve_app.redis_link import RedisLink  # noqa: PLC0415

    return RedisBuckets(RedisLink(settings.redis_url, "rate limit"), fallback=embedded)


class RateLimiter:
    """One rate for many clients."""

    def __init__(self, rate: Rate | None, buckets: Buckets) -> None:
        """``rate`` None: no limit."""
        self._rate = rate
        self._buckets = buckets

    async def take(self, client: str, images: int = 1) -> None:
        """Count ``images`` of ``client``. Raises RateLimited, and counts nothing, where they are too many now."""
        if self._rate is None:
            return
        if images > self._rate.images:
            raise RateLimited(
                f"{images} images at once are more than the limit of {self._rate} ever allows; send fewer.",
                retry_after=self._rate.period_s,
            )
        wait = await self._buckets.take(client, self._rate, images)
        if wait > 0:
            seconds = math.ceil(wait)
            raise RateLimited(f"The limit is {self._rate}; try again in {seconds} s.", retry_after=seconds)


def address_client(host: str) -> str:
    """The client behind an address: an IPv6 customer has a whole /64, so that is one client."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return f"address:{host}"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return f"address:{ipaddress.ip_network((int(address) >> 64 << 64, 64))}"
        address = address.ipv4_mapped
    return f"address:{address}"


def user_client(user_id: int) -> str:
    return f"user:{user_id}"
