"""How fast the bodies that nobody wants are discarded."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

BYTES_PER_S: Final = 4 << 20
BURST_BYTES: Final = 96 << 20
"""Discarded at once: several images that are too large, whose clients read the response only after sending them."""
REQUEST_BYTES: Final = 1 << 20
"""Counted for each request in addition: what the kernel and HAProxy receive before anybody looks at it."""
LONGEST_WAIT_S: Final = 20.0
"""Less than HAProxy's patience for a response."""
_MAX_CLIENTS: Final = 4096


class DiscardRate:
    """A rate for each client, so that floods of rejected uploads leave the processor to others.

    Like ``serve_app.rate_limit``, it keeps one number per client: the time at which the burst will be available again.
    """

    def __init__(self, clock: Callable[[], float], bytes_per_s: float = BYTES_PER_S, burst: int = BURST_BYTES) -> None:
        self._clock = clock
        self._bytes_per_s = bytes_per_s
        self._burst_s = burst / bytes_per_s
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str, count: int) -> float:
        """Count bytes, and return how long to wait before the next ones, in seconds."""
        now = self._clock()
        full_at = max(now, self._full_at.pop(client, now)) + count / self._bytes_per_s
        wait_s = max(0.0, full_at - now - self._burst_s)
        # Whoever does not wait any longer need not wait for that later, either.
        self._full_at[client] = full_at - max(0.0, wait_s - LONGEST_WAIT_S)
        if len(self._full_at) > _MAX_CLIENTS:
            self._full_at.popitem(last=False)
        return min(wait_s, LONGEST_WAIT_S)

    async def pause(self, client: str, count: int) -> None:
        """Count bytes, and wait before the next ones."""
        await asyncio.sleep(self.take(client, count))
