"""The memory for request bodies and fetched images, shared by all requests of a replica."""

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Final

from serve_app.errors import Overloaded

_FULL: Final = "The service holds too many images of other requests in memory; try again later."
_SHARE_IS_USED: Final = "Your other requests hold your share of the service's memory; wait until one is answered."


class ByteBudget:
    """Limit for the bytes of all request bodies and fetched images in memory, shared fairly between clients.

    A client may hold as much as a fixed multiple of what then remains (Choudhury and Hahne, 1998): ``client_share`` of
    an idle service, less when others are busy. Who wants more than remains, but holds less than another client, gets
    it from that client's unfinished uploads. So any number of clients that hold what they can leave as much to others
    as each of them has.
    """

    def __init__(self, limit: int, client_share: float = 0.5) -> None:
        """``limit`` in bytes; ``client_share``: above 0, below 1."""
        self.limit = limit
        self._multiple = client_share / (1 - client_share)
        self._left = limit
        self._held = Counter[str]()
        self._evictable: dict[str, set[ByteReservation]] = {}
        self._clock = count()

    @property
    def held(self) -> int:
        return self.limit - self._left

    def take(self, reservation: "ByteReservation", size: int) -> None:
        """Raises Overloaded, and takes nothing."""
        client = reservation.client
        wanted = self._held[client] + size
        while (left := self._left - size) < 0 or wanted > left * self._multiple:
            if not self._evict(wanted):
                raise Overloaded(_SHARE_IS_USED if self._held[client] * 2 > self.held else _FULL)
        self._left = left
        self._held[client] = wanted
        reservation.reserved += size
        reservation.touched = next(self._clock)
        self._evictable.setdefault(client, set()).add(reservation)

    def give_back(self, reservation: "ByteReservation") -> None:
        client = reservation.client
        self._left += reservation.reserved
        self._held[client] -= reservation.reserved
        reservation.reserved = 0
        self.keep(reservation)
        if not self._held[client]:
            del self._held[client]

    def keep(self, reservation: "ByteReservation") -> None:
        """The body is complete: its bytes are no longer taken away."""
        theirs = self._evictable.get(reservation.client, set())
        theirs.discard(reservation)
        if not theirs:
            self._evictable.pop(reservation.client, None)

    def _evict(self, wanted: int) -> bool:
        """End the upload without bytes for the longest, of the client that holds most; False if all hold less."""
        client = max(self._evictable, key=self._held.__getitem__, default="")
        if self._held[client] <= wanted:
            return False
        reservation = min(self._evictable[client], key=lambda each: each.touched)
        self.give_back(reservation)
        reservation.evict()
        return True


class ByteReservation:
    """The bytes of a budget that one request holds."""

    def __init__(self, budget: ByteBudget, client: str, evict: Callable[[], None]) -> None:
        """``evict`` is called when the bytes are needed by others, until :meth:`keep` is called."""
        self.client = client
        self.evict = evict
        self.reserved = 0
        self.touched = 0
        self._budget = budget

    def add(self, size: int) -> None:
        """Raises Overloaded."""
        self._budget.take(self, size)

    def keep(self) -> None:
        self._budget.keep(self)

    def release(self) -> None:
        self._budget.give_back(self)
