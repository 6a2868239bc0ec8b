"""The system's resolver on threads of its own: one that hangs must not take the threads that other work needs."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Final

from serve_app.fetch.addresses import IpAddress
from serve_app.fetch.fair_slots import FairSlots

MAX_ADDRESSES: Final = 16
"""Addresses of a host that are used; a name may have thousands."""
_THREADS: Final = 32
_THREADS_PER_CLIENT: Final = 8

current_client: ContextVar[str] = ContextVar("current_client", default="")
"""For whom the current task fetches an image."""


class SystemResolver:
    """Resolves host names with ``getaddrinfo``, which cannot be cancelled: a thread is taken until it returns."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolver")
        self._slots = FairSlots(_THREADS, _THREADS_PER_CLIENT)

    async def __call__(self, host: str) -> Sequence[IpAddress]:
        """The first ``MAX_ADDRESSES`` addresses of ``host``, best first. Raises ``OSError`` if there are none."""
        keys = (current_client.get(),)
        await self._slots.acquire(keys)
        loop = asyncio.get_running_loop()
        future = self._threads.submit(_resolve, host)
        future.add_done_callback(lambda _: _call_on(loop, self._slots, keys))
        return await asyncio.wrap_future(future)


def _call_on(loop: asyncio.AbstractEventLoop, slots: FairSlots, keys: tuple[str, ...]) -> None:
    """Release the slot once the thread is free, even if nobody waits for the addresses anymore."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(slots.release, keys)


def _resolve(host: str) -> list[IpAddress]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(address[0] for *_, address in found)
    return [ip_address(address) for address in list(addresses)[:MAX_ADDRESSES]]
