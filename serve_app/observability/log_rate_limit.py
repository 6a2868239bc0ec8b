"""So many lines a second of each kind and no more: an overload is told, and the log is not one of its victims."""

import time
from collections.abc import Callable
from typing import Final

PER_SECOND: Final = 10


class LogRateLimit:
    """Kinds are few: they are remembered for ever."""

    def __init__(self, per_second: int = PER_SECOND, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._seconds: dict[str, tuple[int, int]] = {}
        self._unwritten: dict[str, int] = {}

    def take(self, kind: str) -> int | None:
        """How many were left out since the last line of this kind; None where this one is to be left out too."""
        now = int(self._clock())
        second, written = self._seconds.get(kind, (now, 0))
        if second != now:
            written = 0
        if written >= self._per_second:
            self._unwritten[kind] = self._unwritten.get(kind, 0) + 1
            return None
        self._seconds[kind] = (now, written + 1)
        return self._unwritten.pop(kind, 0)
