"""Images that were fetched, in the same memory budget as request bodies."""

import asyncio
import time
import weakref
from dataclasses import dataclass
from typing import Final

from serve_app.errors import Overloaded
from serve_app.ingress.byte_budget import ByteBudget, ByteReservation

MEMORY_TIMEOUT_S: Final = 5.0
"""A fetch waits so long in all for memory that other images hold."""
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True, weakref_slot=True)
class FetchedImage:
    """The image behind a URL. Requests that share the fetch share the object."""

    data: bytes
    sha256: str


class FetchMemory:
    """The memory that one fetch takes from the share of its client."""

    def __init__(self, budget: ByteBudget, client: str) -> None:
        self._reservation = ByteReservation(budget, client, lambda: None)
        self._left_s = MEMORY_TIMEOUT_S

    async def reserve(self, size: int) -> None:
        """Wait until there is memory for so many further bytes. Raises Overloaded."""
        while True:
            try:
                self._reservation.add(size)
            except Overloaded:
                if self._left_s <= 0:
                    raise
            else:
                self._reservation.keep()  # a fetch ends soon, unlike an upload
                return
            began = time.monotonic()
            await asyncio.sleep(_POLL_S)
            self._left_s -= time.monotonic() - began

    def release(self) -> None:
        """Give the memory back."""
        self._reservation.release()

    def release_with(self, image: FetchedImage) -> None:
        """Give the memory back once nobody uses the image anymore."""
        weakref.finalize(image, self.release).atexit = False
