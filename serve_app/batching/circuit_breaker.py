"""A circuit breaker for calls to a dependency that may be unavailable."""

import time
from collections.abc import Callable

Clock = Callable[[], float]


class CircuitBreaker:
    """Closed: all calls are allowed. Open: one probe per ``cooldown_s`` seconds, until one succeeds."""

    def __init__(self, cooldown_s: float, clock: Clock = time.monotonic) -> None:
        self._cooldown_s = cooldown_s
        self._clock = clock
        self._probe_at: float | None = None

    @property
    def is_open(self) -> bool:
        return self._probe_at is not None

    def allows(self) -> bool:
        """Whether a call is allowed now. A probe without a result only delays the next one."""
        if self._probe_at is None:
            return True
        now = self._clock()
        if now < self._probe_at:
            return False
        self._probe_at = now + self._cooldown_s
        return True

    def opens(self) -> bool:
        """Report a failed call. True if the outage begins with it."""
        was_closed = self._probe_at is None
        self._probe_at = self._clock() + self._cooldown_s
        return was_closed

    def closes(self) -> bool:
        """Report a successful call. True if it ends an outage."""
        was_open = self._probe_at is not None
        self._probe_at = None
        return was_open
