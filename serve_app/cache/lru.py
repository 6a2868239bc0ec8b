"""A dictionary that forgets: each entry after its time, the least recently used when the memory is full."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")
Clock = Callable[[], float]


class TtlLru(Generic[V]):
    """Holds at most ``capacity`` bytes as its callers count them. For one thread: no locks."""

    def __init__(self, capacity: int, ttl_s: float, clock: Clock = time.monotonic) -> None:
        self._capacity = capacity
        self._ttl_s = ttl_s
        self._clock = clock
        self._entries: OrderedDict[str, tuple[float, int, V]] = OrderedDict()
        self._size = 0

    def get(self, key: str) -> V | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= self._clock():
            self._forget(key)
            return None
        self._entries.move_to_end(key)
        return entry[2]

    def put(self, key: str, value: V, size: int) -> None:
        """Keep ``value`` of ``size`` bytes; what is larger than the whole capacity is not kept."""
        if key in self._entries:
            self._forget(key)
        if size > self._capacity:
            return
        self._entries[key] = (self._clock() + self._ttl_s, size, value)
        self._size += size
        while self._size > self._capacity:
            _, (_, evicted, _) = self._entries.popitem(last=False)
            self._size -= evicted

    def clear(self) -> None:
        self._entries.clear()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._size

    def __len__(self) -> int:
        return len(self._entries)

    def _forget(self, key: str) -> None:
        self._size -= self._entries.pop(key)[1]
