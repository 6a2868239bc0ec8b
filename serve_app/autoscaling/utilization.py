"""The utilization of a replica."""

import time
from collections.abc import Callable
from typing import Final

UTILIZATION_METRIC: Final = "busy"
"""Name in a replica's report for autoscaling: 1.0 is a fully busy replica."""


class Utilization:
    """The share of busy time, computed from a counter of busy seconds."""

    def __init__(
        self, busy_s: Callable[[], float], capacity: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``busy_s``: busy seconds since the start, summed over ``capacity`` concurrent workers."""
        self._busy_s = busy_s
        self._capacity = capacity
        self._clock = clock
        self._before = (clock(), busy_s())

    def read(self) -> float:
        """The share since the last call, 0 to 1."""
        then, busy_then = self._before
        now, busy = self._before = (self._clock(), self._busy_s())
        return min(1.0, (busy - busy_then) / max(1e-3, now - then) / self._capacity)
