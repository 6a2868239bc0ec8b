"""The result cache: in process memory, or in Redis for all replicas."""

from serve_app.cache.embedded import EmbeddedCache
from serve_app.cache.keys import content_key
from serve_app.cache.protocol import ResultCache
from serve_app.settings import Settings

__all__ = ["EmbeddedCache", "ResultCache", "content_key", "open_cache"]


def open_cache(settings: Settings) -> ResultCache:
    """Create the cache that the settings select. Connects on first use; raises ValueError for a malformed Redis URL."""
    if not settings.redis_url:
        return EmbeddedCache(settings.cache_size_mib * 2**20, settings.cache_ttl_s)
    from serve_app.cache.redis import RedisCache  # noqa: PLC0415 — redis is slow to import and needed only here
    from serve_app.database.redis_client import RedisClient  # noqa: PLC0415

    return RedisCache(RedisClient(settings.redis_url, "cache"), settings.cache_ttl_s)
