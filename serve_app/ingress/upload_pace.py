"""The pace of an upload: how long the service waits for the rest of a body."""

import asyncio
import time
from typing import Final

from starlette.types import Message, Receive

from serve_app.batching.circuit_breaker import Clock
from serve_app.config import LimitArguments
from serve_app.errors import RaylensError, UploadTimeout

_STALLED: Final = "The upload stalled: less than {kib} KiB arrived in {seconds:g} s. Send it again."
_TOO_LONG: Final = "The upload took longer than {seconds:g} s. Send fewer or smaller images in one request."


class UploadPace:
    """Receives the messages of one body, in windows that must each bring some bytes.

    A window is long enough for a phone that loses its network for a moment, and asks for little enough for a slow one.
    A pause may not be longer than a window either: HAProxy would soon close the connection without an answer. Only the
    time spent waiting for the client counts.
    """

    def __init__(self, limits: LimitArguments, clock: Clock = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._left_s = limits.upload_timeout_s
        self._window_left_s = limits.upload_window_s
        self._window_bytes = 0
        self._timeout: asyncio.Timeout | None = None
        self._interruption: RaylensError | None = None

    def interrupt(self, error: RaylensError) -> None:
        """End the upload: :meth:`receive` raises the error."""
        self._interruption = error
        if self._timeout and not self._timeout.expired():
            self._timeout.reschedule(0.0)

    async def receive(self, receive: Receive) -> Message:
        """The next message of ``receive``. Raises UploadTimeout, or the error of :meth:`interrupt`."""
        idle_s = 0.0
        while True:
            if self._interruption:
                raise self._interruption
            if idle_s >= self._limits.upload_window_s:
                raise self._stalled()
            started = self._clock()
            wait_s = min(self._left_s, self._window_left_s, self._limits.upload_window_s - idle_s)
            self._timeout = asyncio.timeout(max(0.0, wait_s))
            try:
                async with self._timeout:
                    message = await receive()
            except TimeoutError:
                idle_s += self._clock() - started
                self.waited(self._clock() - started)
            else:
                if message.get("more_body"):
                    self._window_bytes += len(message.get("body", b""))
                    self.waited(self._clock() - started)
                return message
            finally:
                self._timeout = None

    def waited(self, seconds: float) -> None:
        """Count time. Raises UploadTimeout if the body, or a window of it, is overdue."""
        self._left_s -= seconds
        self._window_left_s -= seconds
        limits = self._limits
        if self._left_s <= 0:
            raise UploadTimeout(_TOO_LONG.format(seconds=limits.upload_timeout_s))
        if self._window_left_s <= 0:
            if self._window_bytes < limits.upload_window_bytes:
                raise self._stalled()
            self._window_left_s, self._window_bytes = limits.upload_window_s, 0

    def _stalled(self) -> UploadTimeout:
        kib = max(1, self._limits.upload_window_bytes >> 10)
        return UploadTimeout(_STALLED.format(kib=kib, seconds=self._limits.upload_window_s))
