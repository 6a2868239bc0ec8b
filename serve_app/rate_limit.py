"""How many images one client may have classified in a while.

The generic cell rate algorithm: of each client one number is kept, the time at which its allowance is whole again.
An image moves it on by one interval; where it would lie more than a period ahead, the image is refused.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from serve_app.circuit_breaker import Clock
from serve_app.errors import RateLimited
from serve_app.rate import Rate
from serve_app.settings import Settings

_MAX_ALLOWANCES = 100_000
"""Remembered in one process, about 30 MB; the one that was not asked for longest is forgotten first."""


class Allowance(NamedTuple):
    """What one client may have of one rate."""

    client: str
    rate: Rate


class Buckets(Protocol):
    """Where the clients' allowances are kept."""

    async def take(self, allowances: Sequence[Allowance], images: int) -> Sequence[float]:
        """Take ``images`` from all of the allowances, or from none.

        For each the seconds until they may be taken; 0 for each means that they were.
        """

    async def close(self) -> None:
        """Give connections and memory back."""


class EmbeddedBuckets:
    """Allowances of one process."""

    def __init__(self, clock: Clock = time.monotonic, max_allowances: int = _MAX_ALLOWANCES) -> None:
        self._clock = clock
        self._max_allowances = max_allowances
        self._whole_at: OrderedDict[Allowance, float] = OrderedDict()

    async def take(self, allowances: Sequence[Allowance], images: int) -> Sequence[float]:
        now = self._clock()
        whole_at = [
            max(self._whole_at.get(allowance, now), now) + images * allowance.rate.interval_s
            for allowance in allowances
        ]
        waits = [at - now - allowance.rate.period_s for at, allowance in zip(whole_at, allowances, strict=True)]
        waits = [wait if wait > 1e-6 else 0.0 for wait in waits]  # rounding, not an image too many
        if not any(waits):
            for allowance, at in zip(allowances, whole_at, strict=True):
                self._remember(allowance, at)
        return waits

    def _remember(self, allowance: Allowance, whole_at: float) -> None:
        self._whole_at[allowance] = whole_at
        self._whole_at.move_to_end(allowance)
        if len(self._whole_at) > self._max_allowances:
            self._whole_at.popitem(last=False)

    async def close(self) -> None:
        self._whole_at.clear()

    def __len__(self) -> int:
        """Allowances remembered."""
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
    """Many allowances, of which a request may need several."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    async def take(self, allowances: Sequence[Allowance], images: int = 1) -> None:
        """Count ``images`` in each allowance. Raises RateLimited, and counts nothing, where one has too few left."""
        if not allowances:
            return
        for _, rate in allowances:
            if images > rate.images:
                raise RateLimited(
                    f"{images} images at once are more than the limit of {rate} ever allows; send fewer.",
                    retry_after=rate.period_s,
                )
        waits = await self._buckets.take(allowances, images)
        wait, (_, rate) = max(zip(waits, allowances, strict=True), key=lambda pair: pair[0])
        if wait > 0:
            seconds = math.ceil(wait)
            raise RateLimited(f"The limit is {rate}; try again in {seconds} s.", retry_after=seconds)


def allowances_of(client: str, rates: Sequence[Rate]) -> tuple[Allowance, ...]:
    return tuple(Allowance(client, rate) for rate in rates)


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
