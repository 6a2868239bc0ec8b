"""The cache that all ingress replicas share: Redis."""

from typing import Literal

from serve_app.cache.entry import (
    DamagedEntry,
    decode_digest,
    decode_verdict,
    encode_digest,
    encode_verdict,
)
from serve_app.cache.keys import url_key
from serve_app.redis_link import PREFIX, RedisLink, RedisUnavailable
from serve_app.types import Verdict


class RedisCache:
    """Entries under ``raylens:verdict:…`` and ``raylens:url:…``, each with its time to live."""

    def __init__(self, link: RedisLink, ttl_s: float) -> None:
        self._link = link
        self._ttl_ms = max(1, round(ttl_s * 1000))

    async def get(self, content_key: str) -> Verdict | None:
        value = await self._read(content_key)
        try:
            return decode_verdict(content_key, value) if value is not None else None
        except DamagedEntry:
            return None

    async def put(self, content_key: str, verdict: Verdict) -> None:
        await self._write(content_key, encode_verdict(content_key, verdict))

    async def sha256_of(self, url: str) -> str | None:
        key = url_key(url)
        value = await self._read(key)
        try:
            return decode_digest(key, value) if value is not None else None
        except DamagedEntry:
            return None

    async def remember_url(self, url: str, sha256: str) -> None:
        key = url_key(url)
        await self._write(key, encode_digest(key, sha256))

    def state(self) -> Literal["ok", "degraded"]:
        return self._link.state()

    async def close(self) -> None:
        await self._link.close()

    async def _read(self, key: str) -> bytes | None:
        try:
            value: bytes | None = await self._link.ask("GET", PREFIX + key)
        except RedisUnavailable:
            return None
        return value

    async def _write(self, key: str, value: bytes) -> None:
        try:
            await self._link.ask("SET", PREFIX + key, value, "PX", self._ttl_ms)
        except RedisUnavailable:
            return
