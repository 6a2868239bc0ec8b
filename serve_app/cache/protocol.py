"""The interface of a result cache."""

from typing import Literal, Protocol

from serve_app.types import CachedResult


class ResultCache(Protocol):
    """Two levels: content key to result, and URL to the SHA-256 of its content.

    No method raises when the cache is unavailable, slow or corrupt: a read is a miss, a write is dropped.
    """

    async def get(self, content_key: str) -> CachedResult | None:
        """The result of a :func:`serve_app.cache.keys.content_key`, with read-only arrays, or None."""

    async def put(self, content_key: str, result: CachedResult) -> None:
        """Store a result for the time to live."""

    async def sha256_of(self, url: str) -> str | None:
        """The SHA-256 (64 hex digits) of the content last fetched from ``url``, or None."""

    async def remember_url(self, url: str, sha256: str) -> None:
        """Store the SHA-256 of the content of ``url`` for the time to live."""

    def state(self) -> Literal["ok", "degraded"]:
        """``degraded`` if every lookup is a miss; the service still answers."""

    async def close(self) -> None:
        """Release connections and memory."""
