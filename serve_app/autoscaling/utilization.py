"""How busy a replica is: what tells whether fewer of them could carry the load."""

import time
from collections.abc import Callable
from typing import Final

UTILIZATION_METRIC: Final = "busy"
"""Name of the figure in a replica's report for autoscaling: 1.0 is one replica fully at work."""


class Utilization:
    """The share of time at work, from a counter of seconds at work."""

    def __init__(
        self, busy_s: Callable[[], float], capacity: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``busy_s``: seconds at work since the start, of ``capacity`` things that may work at once."""
        self._busy_s = busy_s
        self._capacity = capacity
        self._clock = clock
        self._before = (clock(), busy_s())

    def read(self) -> float:
        """The share since the last reading, 0 to 1."""
        then, busy_then = self._before
        now, busy = self._before = (self._clock(), self._busy_s())
        return min(1.0, (busy - busy_then) / max(1e-3, now - then) / self._capacity)
