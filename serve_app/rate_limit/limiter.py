"""How many images one client may have classified in a while.

The generic cell rate algorithm: of each client one number is kept, the time at which its allowance is whole again.
An image moves it on by one interval; where it would lie more than a period ahead, the image is refused.
"""

import ipaddress
import math
from collections.abc import Sequence

from serve_app.errors import RateLimited
from serve_app.rate_limit.allowance import Allowance, AllowanceStore
from serve_app.rate_limit.memory import MemoryAllowanceStore
from serve_app.rate_limit.rate import Rate
from serve_app.settings import Settings


def open_allowance_store(settings: Settings) -> AllowanceStore:
    """The allowances these settings ask for: shared by all replicas where there is a Redis."""
    embedded = MemoryAllowanceStore()
    if not settings.redis_url:
        return embedded
    from serve_app.database.redis_client import RedisClient  # noqa: PLC0415
    from serve_app.rate_limit.redis import RedisAllowanceStore  # noqa: PLC0415 — importing redis is slow, embedded needs none

    return RedisAllowanceStore(RedisClient(settings.redis_url, "rate limit"), fallback=embedded)


class RateLimiter:
    """Many allowances, of which a request may need several."""

    def __init__(self, buckets: AllowanceStore) -> None:
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
