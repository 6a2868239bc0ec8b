"""The clients' allowances in Redis, so that a limit holds across all replicas."""

from collections.abc import Sequence
from hashlib import blake2b

from serve_app.database.redis_client import PREFIX, RedisClient, RedisUnavailable
from serve_app.rate_limit.allowance import Allowance, AllowanceStore

# All replicas share Redis' clock. Numbers are microseconds: whole, and exact in Lua up to the year 2255.
_SCRIPT = b"""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local whole_at, waits, enough = {}, {}, true
for i, key in ipairs(KEYS) do
  whole_at[i] = math.max(tonumber(redis.call('GET', key)) or 0, now) + tonumber(ARGV[2 * i - 1])
  waits[i] = math.max(0, whole_at[i] - now - tonumber(ARGV[2 * i]))
  enough = enough and waits[i] == 0
end
for i, key in ipairs(enough and KEYS or {}) do
  redis.call('SET', key, string.format('%.0f', whole_at[i]), 'PX', math.ceil((whole_at[i] - now) / 1000))
end
return waits
"""


class RedisAllowanceStore:
    """Allowances that hold across replicas. While Redis is gone each replica counts for itself."""

    def __init__(self, link: RedisClient, fallback: AllowanceStore) -> None:
        self._link = link
        self._fallback = fallback

    async def take(self, allowances: Sequence[Allowance], images: int) -> Sequence[float]:
        numbers: list[int] = []
        for _, rate in allowances:
            period = rate.period_s * 1_000_000
            numbers += images * period // rate.images, period  # rounded down: all of it never costs more than a period
        try:
            waits: list[int] = await self._link.ask("EVAL", _SCRIPT, len(allowances), *map(_key, allowances), *numbers)
        except RedisUnavailable:
            return await self._fallback.take(allowances, images)
        return [wait / 1e6 for wait in waits]

    async def close(self) -> None:
        await self._link.close()


def _key(allowance: Allowance) -> str:
    """Addresses and users are not written down in the clear where others may read them."""
    named = f"{allowance.rate} {allowance.client}"
    return f"{PREFIX}rate:{blake2b(named.encode(), digest_size=16).hexdigest()}"
