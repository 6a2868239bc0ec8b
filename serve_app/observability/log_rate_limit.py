"""Rate limit for log lines per kind, so that an overload is logged without flooding the log."""

import time
from collections.abc import Callable
from typing import Final

_LINES_PER_SECOND: Final = 10


class LogRateLimit:
    """At most ``per_second`` lines per kind and second. Kinds are few and are never forgotten."""

    def __init__(self, per_second: int = _LINES_PER_SECOND, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._seconds: dict[str, tuple[int, int]] = {}
        self._unwritten: dict[str, int] = {}

    def take(self, kind: str) -> int | None:
        """The number of lines suppressed since the last line of this kind; None if this one is to be suppressed."""
        now = int(self._clock())
        second, written = self._seconds.get(kind, (now, 0))
        if second != now:
            written = 0
        if written >= self._per_second:
            self._unwritten[kind] = self._unwritten.get(kind, 0) + 1
            return None
        self._seconds[kind] = (now, written + 1)
        return self._unwritten.pop(kind, 0)
