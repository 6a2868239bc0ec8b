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

    async def sha256_of(self, url: str, user_id: int | None = None) -> str | None:
        """The SHA-256 (64 hex digits) of the content last fetched from ``url`` for this user, or None.

        Users do not share URLs with others, nor with anonymous clients, so that nobody gets the result of a URL that
        they cannot fetch, or learns that somebody else requested it.
        """

    async def remember_url(self, url: str, sha256: str, user_id: int | None = None) -> None:
        """Store the SHA-256 of the content of ``url`` for this user, for the time to live."""

    def state(self) -> Literal["ok", "degraded"]:
        """``degraded`` if every lookup is a miss; the service still answers."""

    async def close(self) -> None:
        """Release connections and memory."""
