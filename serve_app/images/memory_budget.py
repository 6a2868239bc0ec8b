"""Limits the memory of pictures decoded concurrently in a process: large ones wait instead of filling it."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class MemoryBudget:
    """A weighted semaphore for threads, in first-in, first-out order.

    The strict order prevents starvation of large and of small pictures. A holder never requests a second share, so
    there is no deadlock.
    """

    def __init__(self, capacity: int) -> None:
        """``capacity``: bytes."""
        self._capacity = capacity
        self._free = capacity
        self._condition = Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def share(self, size: int) -> Iterator[None]:
        """Wait for ``size`` bytes of the budget and hold them. A picture larger than the budget takes all of it."""
        weight = min(size, self._capacity)
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
