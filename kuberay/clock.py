"""The clock of everything that waits; tests replace it."""

import time


class MonotonicClock:
    """Seconds since an arbitrary moment."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
