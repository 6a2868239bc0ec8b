"""Standard error as a log, which is often a file on the disk that has just become full."""

import contextlib
import os
from typing import Final

_MAX_WAITING_BYTES: Final = 64 << 10


class StandardError:
    """A stream for a logging handler. What cannot be written waits, up to 64 KiB, and is written with a later line.

    So the line that reports a full disk is not lost. Python's own stream would lose that line, and later ones.
    """

    def __init__(self, descriptor: int = 2) -> None:
        self._descriptor = descriptor
        self._waiting = bytearray()

    def write(self, text: str) -> int:
        if len(self._waiting) < _MAX_WAITING_BYTES:
            self._waiting += text.encode(errors="backslashreplace")
        with contextlib.suppress(OSError):
            while self._waiting:
                del self._waiting[: os.write(self._descriptor, self._waiting)]
        return len(text)

    def flush(self) -> None:
        """Nothing is buffered that could be written."""
