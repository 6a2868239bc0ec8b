"""A connection to Redis that is never worth waiting for: it answers quickly, or it is unavailable."""

import asyncio
import time
from typing import Any, Literal

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from serve_app.circuit_breaker import CircuitBreaker, Clock

PREFIX = "raylens:"
"""In front of every key, so that a Redis can be shared."""
_TIMEOUT_S = 0.1
_COOLDOWN_S = 1.0

log = structlog.get_logger(__name__)


class RedisUnavailable(Exception):
    """Redis gave no usable answer in time. The caller goes on without it."""


class RedisLink:
    """Commands with a time limit, behind a circuit breaker: an outage costs one time limit a second, not one a request.

    An outage is logged when it begins and when it ends.
    """

    def __init__(
        self, url: str, timeout_s: float = _TIMEOUT_S, cooldown_s: float = _COOLDOWN_S, clock: Clock = time.monotonic
    ) -> None:
        """``url`` like redis://host:6379/0. Raises ValueError for a malformed one; connects at first use."""
        self._client = Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
        self._timeout_s = timeout_s
        self._breaker = CircuitBreaker(cooldown_s, clock)
        self._refusals: set[str] = set()

    async def ask(self, *command: str | bytes | int) -> Any:  # noqa: ANN401 — a reply's type is the command's
        """The reply to ``command``. Raises RedisUnavailable, within the time limit."""
        if not self._breaker.allows():
            raise RedisUnavailable("given up for a moment")
        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        except ResponseError as error:
            self._answered()
            self._refused(error)
            raise RedisUnavailable(str(error)) from None
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            raise RedisUnavailable(str(error)) from None
        self._answered()
        return reply

    def state(self) -> Literal["ok", "degraded"]:
        return "degraded" if self._breaker.is_open else "ok"

    async def close(self) -> None:
        await self._client.aclose()

    def _answered(self) -> None:
        if self._breaker.closes():
            log.info("redis_back")

    def _failed(self, error: Exception) -> None:
        if self._breaker.opens():
            log.warning("redis_unavailable", error=f"{type(error).__name__}: {error}".rstrip(": "))

    def _refused(self, error: ResponseError) -> None:
        """Redis is there but says no (OOM, WRONGTYPE, READONLY, …): logged once a kind, it may go on for hours."""
        kind = type(error).__name__
        if kind not in self._refusals:
            self._refusals.add(kind)
            log.warning("redis_refused", error=str(error))
