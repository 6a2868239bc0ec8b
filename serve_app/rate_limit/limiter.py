"""Rate limits per client, by the generic cell rate algorithm.

The state of an allowance is one number: the time at which it is full again. Each image moves it forward by one
interval. An image that would move it more than a period into the future is rejected.
"""

import math
from collections.abc import Sequence

from serve_app.errors import RateLimited
from serve_app.rate_limit.allowance import Allowance, AllowanceStore
from serve_app.rate_limit.memory import MemoryAllowanceStore
from serve_app.rate_limit.rate import Rate
from serve_app.settings import Settings


def open_allowance_store(settings: Settings) -> AllowanceStore:
    """Create the store that the settings select: shared by all replicas if Redis is configured."""
    embedded = MemoryAllowanceStore()
    if not settings.redis_url:
        return embedded
    from serve_app.database.redis_client import RedisClient  # noqa: PLC0415
    from serve_app.rate_limit.redis import RedisAllowanceStore  # noqa: PLC0415 — redis is slow to import and needed only here

    return RedisAllowanceStore(RedisClient(settings.redis_url, "rate limit"), fallback=embedded)


class RateLimiter:
    """Checks requests against their allowances, of which a request may have several."""

    def __init__(self, store: AllowanceStore) -> None:
        self._store = store

    async def consume(self, allowances: Sequence[Allowance], images: int = 1, consumed: int = 0) -> None:
        """Consume ``images`` of one request from each allowance, of which ``consumed`` have been consumed before.

        Raises RateLimited, and consumes nothing, if an allowance has too few left.
        """
        if not allowances:
            return
        for _, rate in allowances:
            if images > rate.images:
                raise RateLimited(
                    f"A request with {images} images exceeds the limit of {rate}; send fewer images.",
                    retry_after=rate.period_s,
                )
        waits = await self._store.consume(allowances, images - consumed)
        wait, (_, rate) = max(zip(waits, allowances, strict=True), key=lambda pair: pair[0])
        if wait > 0:
            seconds = math.ceil(wait)
            raise RateLimited(f"The limit is {rate}; try again in {seconds} s.", retry_after=seconds)


def allowances_of(client: str, rates: Sequence[Rate]) -> tuple[Allowance, ...]:
    return tuple(Allowance(client, rate) for rate in rates)
