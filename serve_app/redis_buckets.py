"""The clients' allowances in Redis, so that a limit holds across all replicas."""

from hashlib import blake2b

from serve_app.rate import Rate
from serve_app.rate_limit import Buckets
from serve_app.redis_link import PREFIX, RedisLink, RedisUnavailable

# All replicas share Redis' clock. Numbers are microseconds: whole, and exact in Lua up to the year 2255.
_SCRIPT = b"""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local whole_at = math.max(tonumber(redis.call('GET', KEYS[1])) or 0, now) + tonumber(ARGV[1])
local wait = whole_at - now - tonumber(ARGV[2])
if wait > 0 then return wait end
redis.call('SET', KEYS[1], string.format('%.0f', whole_at), 'PX', math.ceil((whole_at - now) / 1000))
return 0
"""


class RedisBuckets:
    """Allowances that hold across replicas. While Redis is gone each replica counts for itself."""

    def __init__(self, link: RedisLink, fallback: Buckets) -> None:
        self._link = link
        self._fallback = fallback

    async def take(self, client: str, rate: Rate, images: int) -> float:
        # Addresses and users are not written down in the clear where others may read them.
        key = f"{PREFIX}rate:{blake2b(f'{rate} {client}'.encode(), digest_size=16).hexdigest()}"
        period = rate.period_s * 1_000_000
        cost = images * period // rate.images  # rounded down: the whole allowance never costs more than the period
        try:
            wait: int = await self._link.ask("EVAL", _SCRIPT, 1, key, cost, period)
        except RedisUnavailable:
            return await self._fallback.take(client, rate, images)
        return wait / 1e6

    async def close(self) -> None:
        await self._link.close()
