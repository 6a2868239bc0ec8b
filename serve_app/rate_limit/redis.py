"""The allowance store in Redis, which makes limits hold across all replicas."""

from collections.abc import Sequence
from hashlib import blake2b

from serve_app.database.redis_client import PREFIX, RedisClient, RedisUnavailable
from serve_app.rate_limit.allowance import Allowance, AllowanceStore

# Redis provides the clock for all replicas. Times are integer microseconds, which Lua represents exactly until 2255.
_SCRIPT = b"""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full_at, waits, enough = {}, {}, true
for i, key in ipairs(KEYS) do
  full_at[i] = math.max(tonumber(redis.call('GET', key)) or 0, now) + tonumber(ARGV[2 * i - 1])
  waits[i] = math.max(0, full_at[i] - now - tonumber(ARGV[2 * i]))
  enough = enough and waits[i] == 0
end
for i, key in ipairs(enough and KEYS or {}) do
  redis.call('SET', key, string.format('%.0f', full_at[i]), 'PX', math.ceil((full_at[i] - now) / 1000))
end
return waits
"""


class RedisAllowanceStore:
    """Stores the allowances for all replicas. While Redis is unavailable, each replica counts on its own."""

    def __init__(self, client: RedisClient, fallback: AllowanceStore) -> None:
        self._client = client
        self._fallback = fallback

    async def consume(self, allowances: Sequence[Allowance], images: int) -> Sequence[float]:
        numbers: list[int] = []
        for _, rate in allowances:
            period = rate.period_s * 1_000_000
            # Rounded down, so that all images of a period never cost more than the period.
            numbers += images * period // rate.images, period
        try:
            waits: list[int] = await self._client.execute(
                "EVAL", _SCRIPT, len(allowances), *map(_key, allowances), *numbers
            )
        except RedisUnavailable:
            return await self._fallback.consume(allowances, images)
        return [wait / 1e6 for wait in waits]

    async def close(self) -> None:
        await self._client.close()


def _key(allowance: Allowance) -> str:
    """The Redis key of an allowance, hashed so that addresses and users are not stored in plain text."""
    name = f"{allowance.rate} {allowance.client}"
    return f"{PREFIX}rate:{blake2b(name.encode(), digest_size=16).hexdigest()}"
