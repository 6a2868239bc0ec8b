"""What a result cache is to the ingress."""

from typing import Literal, Protocol

from serve_app.types import CachedResult


class ResultCache(Protocol):
    """Two levels: a content key leads to a result, a URL to the SHA-256 of what was behind it.

    No method raises for a cache that is gone, slow or full of rubbish: a read is a miss then, a write is dropped.
    """

    async def get(self, content_key: str) -> CachedResult | None:
        """The result under a key of :func:`serve_app.cache.keys.content_key`, or None. Its arrays are read-only."""

    async def put(self, content_key: str, result: CachedResult) -> None:
        """Keep a result for the cache's time."""

    async def sha256_of(self, url: str) -> str | None:
        """SHA-256 (64 hex digits) of the bytes that were behind ``url``, or None."""

    async def remember_url(self, url: str, sha256: str) -> None:
        """Keep what is behind ``url`` for the cache's time."""

    def state(self) -> Literal["ok", "degraded"]:
        """``degraded``: the service answers, but every look-up misses."""

    async def close(self) -> None:
        """Give connections and memory back."""
