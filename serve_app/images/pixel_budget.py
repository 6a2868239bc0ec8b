"""How many pixels may be decoded at once in a process, so that large pictures queue instead of filling the memory."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class PixelBudget:
    """A weighted gate for threads, first come, first served.

    In strict order nobody starves: neither the large picture behind many small ones, nor the small one behind
    a large. Who holds a share never asks for a second one, so there is no deadlock.
    """

    def __init__(self, pixels: int) -> None:
        self._capacity = pixels
        self._free = pixels
        self._turn = Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def share(self, pixels: int) -> Iterator[None]:
        """Hold ``pixels`` of the budget; wait for them first. A picture above the whole budget takes all of it."""
        weight = min(pixels, self._capacity)
        self._take(weight)
        try:
            yield
        finally:
            self._give_back(weight)

    def _take(self, weight: int) -> None:
        ticket = object()
        with self._turn:
            self._queue.append(ticket)
            try:
                self._turn.wait_for(lambda: self._queue[0] is ticket and weight <= self._free)
                self._free -= weight
            finally:
                self._queue.remove(ticket)
                self._turn.notify_all()

    def _give_back(self, weight: int) -> None:
        with self._turn:
            self._free += weight
            self._turn.notify_all()
