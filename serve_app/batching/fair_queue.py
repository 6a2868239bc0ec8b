"""A queue that serves its clients fairly, by the cost of their items.

Self-clocked fair queueing (Golestani, 1994): each client has a tag, the cost that it has been served when its next
item is done. The client with the smallest tag is next; its tag is the time of the queue, at which clients that arrive
start. So waiting clients get equal shares of the cost, a single client all of it, and no client waits for more than one
item of each other client beyond its share. An operation takes O(log n) for n clients.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from heapq import heappop, heappush, heapreplace
from typing import Generic, Protocol, TypeVar


class Item(Protocol):
    """What waits in the queue."""

    @property
    def client(self) -> Hashable: ...

    @property
    def cost(self) -> float:
        """The share of the client that the item takes; above 0."""

    @property
    def images(self) -> int:
        """The places that the item takes in the queue."""


ItemT = TypeVar("ItemT", bound=Item)


@dataclass(eq=False, slots=True)
class _Client(Generic[ItemT]):
    name: Hashable
    start: float
    """The time of the queue at which its next item starts."""
    items: dict[ItemT, None] = field(default_factory=dict)
    """In order of arrival."""
    images: int = 0


class FairQueue(Generic[ItemT]):
    """First in, first out for each client, and fair between clients. Items are hashable and unique."""

    def __init__(self) -> None:
        self._clients: dict[Hashable, _Client[ItemT]] = {}
        self._turns: list[tuple[float, int, _Client[ItemT]]] = []
        """A heap with the tag of each client. Equal tags are served in the order in which they were set."""
        self._sizes: dict[int, dict[_Client[ItemT], None]] = {}
        """The clients by their number of images."""
        self._largest = 0
        self._time = 0.0
        self._counter = 0
        self.images = 0

    def __bool__(self) -> bool:
        return self.images > 0

    def images_of(self, client: Hashable) -> int:
        """The images of a client that wait."""
        known = self._clients.get(client)
        return known.images if known else 0

    def push(self, item: ItemT) -> None:
        """Add an item at the end of those of its client."""
        client = self._clients.get(item.client)
        if client is None:
            client = self._clients[item.client] = _Client(item.client, self._time)
            heappush(self._turns, self._turn(client, item))
        client.items[item] = None
        self._resize(client, item.images)

    def peek(self) -> ItemT:
        """The item that :meth:`pop` returns. The queue must not be empty."""
        while not (client := self._turns[0][2]).items:  # all its items were removed
            heappop(self._turns)
            del self._clients[client.name]
        return next(iter(client.items))

    def pop(self) -> ItemT:
        """Remove the next item. The queue must not be empty."""
        item = self.peek()
        tag, _, client = self._turns[0]
        self._time = max(self._time, tag)
        client.start += item.cost
        del client.items[item]
        if client.items:
            heapreplace(self._turns, self._turn(client, next(iter(client.items))))
        else:
            heappop(self._turns)
            del self._clients[client.name]
        self._resize(client, -item.images)
        return item

    def remove(self, item: ItemT) -> bool:
        """Remove an item that is not needed any more, at no cost for its client; whether it was in the queue."""
        client = self._clients.get(item.client)
        if client is None or item not in client.items:
            return False
        del client.items[item]
        self._resize(client, -item.images)
        return True

    def largest_share(self) -> int:
        """The images of the client with the most images; 0 if the queue is empty."""
        return self._largest

    def pop_newest_of_largest(self) -> ItemT:
        """Remove the newest item of the client with the most images. The queue must not be empty."""
        item = next(reversed(next(iter(self._sizes[self._largest])).items))
        self.remove(item)
        return item

    def clear(self) -> list[ItemT]:
        """Remove all items."""
        items = [item for client in self._clients.values() for item in client.items]
        for item in items:
            self.remove(item)
        return items

    def _turn(self, client: _Client[ItemT], item: ItemT) -> tuple[float, int, _Client[ItemT]]:
        self._counter += 1
        return client.start + item.cost, self._counter, client

    def _resize(self, client: _Client[ItemT], change: int) -> None:
        if client.images:
            same = self._sizes[client.images]
            del same[client]
            if not same:
                del self._sizes[client.images]
        client.images += change
        self.images += change
        if client.images:
            self._sizes.setdefault(client.images, {})[client] = None
        self._largest = max(self._largest, client.images)
        while self._largest and self._largest not in self._sizes:
            self._largest -= 1
        if not self.images:  # without waiting clients there is nothing to be fair to
            self._clients.clear()
            self._turns.clear()
            self._time = 0.0
