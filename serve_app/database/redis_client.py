"""A connection to Redis that is never worth waiting for: it answers quickly, or it is unavailable."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Literal

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from serve_app.batching.adaptive_batcher import AdaptiveBatcher
from serve_app.batching.circuit_breaker import CircuitBreaker, Clock
from serve_app.errors import DeadlineExceeded, Overloaded

PREFIX = "raylens:"
"""In front of every key, so that a Redis can be shared."""
_TIMEOUT_S = 0.1
_COOLDOWN_S = 1.0
_MAX_COMMANDS = 64
"""In one round trip. Sharing it brings a command from 280 µs of this process down to 100."""
_MAX_WAITING = 4096

Command = tuple[str | bytes | int, ...]

_LOG = structlog.get_logger(__name__)


class RedisUnavailable(Exception):
    """Redis gave no usable answer in time. The caller goes on without it."""


class RedisClient:
    """Commands with a time limit, behind a circuit breaker: an outage costs one time limit a second, not one a request.

    Commands asked for at the same time share a round trip on one connection; a caller that is cancelled therefore
    never leaves half a reply behind. An outage is logged when it begins and when it ends.
    """

    def __init__(
        self,
        url: str,
        purpose: str,
        timeout_s: float = _TIMEOUT_S,
        cooldown_s: float = _COOLDOWN_S,
        clock: Clock = time.monotonic,
    ) -> None:
        """``url`` like redis://host:6379/0, ``purpose`` for the log.

        Connects at first use. Raises ValueError for a malformed URL.
        """
        self._client = Redis.from_url(url, retry=Retry(NoBackoff(), 0))
        self._timeout_s = timeout_s
        self._breaker = CircuitBreaker(cooldown_s, clock)
        self._log = _LOG.bind(purpose=purpose)
        self._refusals: set[str] = set()
        self._commands: AdaptiveBatcher[Command, Any] = AdaptiveBatcher(
            self._round_trip, slots=1, max_batch=_MAX_COMMANDS, max_waiting=_MAX_WAITING
        )

    async def ask(self, *command: str | bytes | int) -> Any:  # noqa: ANN401 — a reply's type is the command's
        """The reply to ``command``. Raises RedisUnavailable, within the time limit."""
        try:
            return await self._commands.submit(command, time.time() + self._timeout_s)
        except (DeadlineExceeded, Overloaded) as error:
            raise RedisUnavailable(error.message) from None

    def state(self) -> Literal["ok", "degraded"]:
        return "degraded" if self._breaker.is_open else "ok"

    async def close(self) -> None:
        await self._commands.close()
        await self._client.aclose()

    async def _round_trip(self, commands: list[Command]) -> Sequence[Any]:
        if not self._breaker.allows():
            raise RedisUnavailable("it did not answer a moment ago")
        try:
            async with asyncio.timeout(self._timeout_s):
                replies = await self._pipelined(commands)
        except (RedisError, OSError) as error:  # a TimeoutError is an OSError
            self._failed(error)
            raise RedisUnavailable(str(error)) from None
        self._answered()
        return [self._refused(reply) if isinstance(reply, ResponseError) else reply for reply in replies]

    async def _pipelined(self, commands: list[Command]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return await pipeline.execute(raise_on_error=False)

    def _answered(self) -> None:
        if self._breaker.closes():
            self._log.info("redis_recovered")

    def _failed(self, error: Exception) -> None:
        if self._breaker.opens():
            self._log.warning("redis_unavailable", error=f"{type(error).__name__}: {error}".rstrip(": "))

    def _refused(self, error: ResponseError) -> RedisUnavailable:
        """Redis is there but says no (OOM, READONLY, …): logged once a kind, for it may go on for hours."""
        kind = type(error).__name__
        if kind not in self._refusals:
            self._refusals.add(kind)
            self._log.warning("redis_command_rejected", error=str(error))
        return RedisUnavailable(str(error))
