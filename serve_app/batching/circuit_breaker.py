"""When to stop asking something that does not answer, and when to try again."""

import time
from collections.abc import Callable

Clock = Callable[[], float]


class CircuitBreaker:
    """Closed: every call goes through. Open: one probe each ``cooldown_s`` seconds, until one succeeds."""

    def __init__(self, cooldown_s: float, clock: Clock = time.monotonic) -> None:
        self._cooldown_s = cooldown_s
        self._clock = clock
        self._probe_at: float | None = None

    @property
    def is_open(self) -> bool:
        return self._probe_at is not None

    def allows(self) -> bool:
        """Whether a call may go through now. A probe that never reports only delays the next one."""
        if self._probe_at is None:
            return True
        now = self._clock()
        if now < self._probe_at:
            return False
        self._probe_at = now + self._cooldown_s
        return True

    def opens(self) -> bool:
        """A call failed. True where this is the news of an outage."""
        news = self._probe_at is None
        self._probe_at = self._clock() + self._cooldown_s
        return news

    def closes(self) -> bool:
        """A call succeeded. True where this ends an outage."""
        news = self._probe_at is not None
        self._probe_at = None
        return news
