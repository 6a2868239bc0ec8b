"""The time, for what waits; tests have one of their own."""

import time


class Clock:
    """Seconds since some moment, and sleep."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
