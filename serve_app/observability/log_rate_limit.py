"""Rate limit for log lines per kind, so that an overload is logged without flooding the log."""

import time
from collections.abc import Callable
from typing import Final

_LINES_PER_SECOND: Final = 10


class LogRateLimit:
    """At most ``lines`` per kind and period. Kinds are few and are never forgotten."""

    def __init__(
        self,
        lines: int = _LINES_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
        period_s: float = 1.0,
    ) -> None:
        self._lines = lines
        self._clock = clock
        self._period_s = period_s
        self._periods: dict[str, tuple[int, int]] = {}
        self._unwritten: dict[str, int] = {}

    def take(self, kind: str) -> int | None:
        """The number of lines suppressed since the last line of this kind; None if this one is to be suppressed."""
        now = int(self._clock() / self._period_s)
        period, written = self._periods.get(kind, (now, 0))
        if period != now:
            written = 0
        if written >= self._lines:
            self._unwritten[kind] = self._unwritten.get(kind, 0) + 1
            return None
        self._periods[kind] = (now, written + 1)
        return self._unwritten.pop(kind, 0)
