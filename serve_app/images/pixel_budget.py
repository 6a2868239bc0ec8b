"""Limits the pixels decoded concurrently in a process, so that large pictures wait instead of filling the memory."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class PixelBudget:
    """A weighted semaphore for threads, in first-in, first-out order.

    The strict order prevents starvation of large and of small pictures. A holder never requests a second share, so
    there is no deadlock.
    """

    def __init__(self, pixels: int) -> None:
        self._capacity = pixels
        self._free = pixels
        self._condition = Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def share(self, pixels: int) -> Iterator[None]:
        """Wait for ``pixels`` of the budget and hold them. A picture larger than the budget takes all of it."""
        weight = min(pixels, self._capacity)
        self._acquire(weight)
        try:
            yield
        finally:
            self._release(weight)

    def _acquire(self, weight: int) -> None:
        ticket = object()
        with self._condition:
            self._queue.append(ticket)
            try:
                self._condition.wait_for(lambda: self._queue[0] is ticket and weight <= self._free)
                self._free -= weight
            finally:
                self._queue.remove(ticket)
                self._condition.notify_all()

    def _release(self, weight: int) -> None:
        with self._condition:
            self._free += weight
            self._condition.notify_all()
