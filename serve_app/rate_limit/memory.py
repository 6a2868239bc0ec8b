"""Allowances in the memory of one process."""

import time
from collections import OrderedDict
from collections.abc import Sequence

from serve_app.batching.circuit_breaker import Clock
from serve_app.rate_limit.allowance import Allowance

_MAX_ALLOWANCES = 100_000
"""Remembered in one process, about 30 MB; the one that was not asked for longest is forgotten first."""


class MemoryAllowanceStore:
    """Allowances of one process."""

    def __init__(self, clock: Clock = time.monotonic, max_allowances: int = _MAX_ALLOWANCES) -> None:
        self._clock = clock
        self._max_allowances = max_allowances
        self._whole_at: OrderedDict[Allowance, float] = OrderedDict()

    async def take(self, allowances: Sequence[Allowance], images: int) -> Sequence[float]:
        now = self._clock()
        whole_at = [
            max(self._whole_at.get(allowance, now), now) + images * allowance.rate.interval_s
            for allowance in allowances
        ]
        waits = [at - now - allowance.rate.period_s for at, allowance in zip(whole_at, allowances, strict=True)]
        waits = [wait if wait > 1e-6 else 0.0 for wait in waits]  # rounding, not an image too many
        if not any(waits):
            for allowance, at in zip(allowances, whole_at, strict=True):
                self._remember(allowance, at)
        return waits

    def _remember(self, allowance: Allowance, whole_at: float) -> None:
        self._whole_at[allowance] = whole_at
        self._whole_at.move_to_end(allowance)
        if len(self._whole_at) > self._max_allowances:
            self._whole_at.popitem(last=False)

    async def close(self) -> None:
        self._whole_at.clear()

    def __len__(self) -> int:
        """Allowances remembered."""
        return len(self._whole_at)
