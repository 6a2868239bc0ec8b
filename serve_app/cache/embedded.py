"""The embedded result cache: in the memory of one process, for a service without Redis."""

import time
from dataclasses import replace
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from serve_app.batching.circuit_breaker import Clock
from serve_app.cache.keys import url_key
from serve_app.cache.lru import TtlLru
from serve_app.types import CachedResult

_RESULT_OVERHEAD = 1100
"""Bytes per result in addition to its arrays: key, objects and dictionary slot (measured)."""
_URL_SIZE = 450
"""Bytes per URL: two digests as text and the dictionary slot (measured)."""
_URLS_SHARE = 16
"""1/16 of the memory is reserved for URLs, about one per result, so that URLs never evict results."""

Scalar = TypeVar("Scalar", bound=np.generic)


class EmbeddedCache:
    """Holds results as objects, without serialization. Not thread-safe: for the event loop only."""

    def __init__(self, capacity: int, ttl_s: float, clock: Clock = time.monotonic) -> None:
        """``capacity``: bytes. ``ttl_s``: time to live of an entry, seconds."""
        urls = capacity // _URLS_SHARE
        self._results: TtlLru[CachedResult] = TtlLru(capacity - urls, ttl_s, clock)
        self._urls: TtlLru[str] = TtlLru(urls, ttl_s, clock)

    async def get(self, content_key: str) -> CachedResult | None:
        return self._results.get(content_key)

    async def put(self, content_key: str, result: CachedResult) -> None:
        kept = replace(result, indices=_owned(result.indices), probabilities=_owned(result.probabilities))
        self._results.put(content_key, kept, _RESULT_OVERHEAD + kept.indices.nbytes + kept.probabilities.nbytes)

    async def sha256_of(self, url: str, user_id: int | None = None) -> str | None:
        return self._urls.get(url_key(url, user_id))

    async def remember_url(self, url: str, sha256: str, user_id: int | None = None) -> None:
        self._urls.put(url_key(url, user_id), sha256, _URL_SIZE)

    def state(self) -> Literal["ok", "degraded"]:
        return "ok"

    async def close(self) -> None:
        self._results.clear()
        self._urls.clear()

    @property
    def size(self) -> int:
        """Bytes held, by the estimates above."""
        return self._results.size + self._urls.size


def _owned(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """A read-only copy: a view would keep the whole batch alive, possibly in Ray's shared memory."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy
