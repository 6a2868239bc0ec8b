"""The in-memory allowance store, for one process."""

import time
from collections import OrderedDict
from collections.abc import Sequence

from serve_app.batching.circuit_breaker import Clock
from serve_app.rate_limit.allowance import Allowance

_MAX_ALLOWANCES = 100_000
"""About 30 MB. The least recently used allowance is evicted first."""


class MemoryAllowanceStore:
    """Stores the allowances of one process."""

    def __init__(self, clock: Clock = time.monotonic, max_allowances: int = _MAX_ALLOWANCES) -> None:
        self._clock = clock
        self._max_allowances = max_allowances
        self._full_at: OrderedDict[Allowance, float] = OrderedDict()

    async def consume(self, allowances: Sequence[Allowance], images: int) -> Sequence[float]:
        now = self._clock()
        full_at = [
            max(self._full_at.get(allowance, now), now) + images * allowance.rate.interval_s for allowance in allowances
        ]
        waits = [at - now - allowance.rate.period_s for at, allowance in zip(full_at, allowances, strict=True)]
        waits = [wait if wait > 1e-6 else 0.0 for wait in waits]  # below this it is a rounding error
        if not any(waits):
            for allowance, at in zip(allowances, full_at, strict=True):
                self._remember(allowance, at)
        return waits

    def _remember(self, allowance: Allowance, full_at: float) -> None:
        self._full_at[allowance] = full_at
        self._full_at.move_to_end(allowance)
        if len(self._full_at) > self._max_allowances:
            self._full_at.popitem(last=False)

    async def close(self) -> None:
        self._full_at.clear()

    def __len__(self) -> int:
        """The number of stored allowances."""
        return len(self._full_at)
