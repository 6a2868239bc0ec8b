"""The result cache in Redis, shared by all ingress replicas."""

from typing import Literal

from serve_app.cache.entry import (
    DamagedEntry,
    decode_digest,
    decode_result,
    encode_digest,
    encode_result,
)
from serve_app.cache.keys import url_key
from serve_app.database.redis_client import PREFIX, RedisClient, RedisUnavailable
from serve_app.types import CachedResult


class RedisCache:
    """Stores entries under ``raylens:result:…`` and ``raylens:url:…``, each with a time to live."""

    def __init__(self, client: RedisClient, ttl_s: float) -> None:
        self._client = client
        self._ttl_ms = max(1, round(ttl_s * 1000))

    async def get(self, content_key: str) -> CachedResult | None:
        value = await self._read(content_key)
        try:
            return decode_result(content_key, value) if value is not None else None
        except DamagedEntry:
            return None

    async def put(self, content_key: str, result: CachedResult) -> None:
        await self._write(content_key, encode_result(content_key, result))

    async def sha256_of(self, url: str, user_id: int | None = None) -> str | None:
        key = url_key(url, user_id)
        value = await self._read(key)
        try:
            return decode_digest(key, value) if value is not None else None
        except DamagedEntry:
            return None

    async def remember_url(self, url: str, sha256: str, user_id: int | None = None) -> None:
        key = url_key(url, user_id)
        await self._write(key, encode_digest(key, sha256))

    def state(self) -> Literal["ok", "degraded"]:
        return self._client.state()

    async def close(self) -> None:
        await self._client.close()

    async def _read(self, key: str) -> bytes | None:
        try:
            value: bytes | None = await self._client.execute("GET", PREFIX + key)
        except RedisUnavailable:
            return None
        return value

    async def _write(self, key: str, value: bytes) -> None:
        try:
            await self._client.execute("SET", PREFIX + key, value, "PX", self._ttl_ms)
        except RedisUnavailable:
            return
