"""Bounds what a response may cost before it is parsed.

Parsing takes thousands of times as long as receiving when a server sends many tiny parts: interim responses, headers,
chunks of one byte. It runs on the event loop, which also answers all other clients.
"""

import re
from typing import Final

import httpcore

from serve_app.images.limits import MAX_IMAGE_BYTES

MAX_HEAD_BYTES: Final = 100 << 10
"""Status line and headers, with those of all interim responses."""
MAX_HEADERS: Final = 256
MAX_INTERIM_RESPONSES: Final = 8
"""Responses like ``100 Continue`` and ``103 Early Hints`` before the final one."""

_FREE_PARTS: Final = 2_048
_BYTES_PER_PART: Final = 512
"""A part has at least so many bytes on average, apart from the first ``_FREE_PARTS``."""
_MAX_BYTES: Final = MAX_IMAGE_BYTES + MAX_IMAGE_BYTES // 8
"""With headers, the sizes of chunks, and trailers."""
_HEAD_PIECE: Final = 8 << 10
"""Bytes of a head that are parsed at a time; every read lets other tasks run."""

_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")
_INTERIM: Final = re.compile(rb"HTTP/[\d.]+ +1(?!01)\d\d", re.IGNORECASE)


class CostlyResponse(httpcore.RemoteProtocolError):
    """A response that would take too much work; the message continues “The connection failed: ”."""


class PartCounter:
    """Counts the parts in which something arrives, such as chunks or reads."""

    def __init__(self) -> None:
        self._parts = 0
        self._bytes = 0

    def add(self, size: int) -> int:
        """Count a part of ``size`` bytes. Returns the number of parts. Raises CostlyResponse if they are too small."""
        self._parts += 1
        self._bytes += size
        if self._parts > _FREE_PARTS + self._bytes // _BYTES_PER_PART:
            raise CostlyResponse("the server sends the image in too many tiny parts")
        return self._parts


class ResponseGuard:
    """Checks the bytes of one response as they are received."""

    def __init__(self) -> None:
        self._reads = PartCounter()
        self._received = 0
        self._head: bytearray | None = bytearray()
        """What has arrived of the head; None once it is complete."""
        self._interim = 0

    def read_size(self, wanted: int) -> int:
        """How many bytes to read next."""
        return wanted if self._head is None else min(wanted, _HEAD_PIECE)

    def check(self, data: bytes) -> None:
        """Raises CostlyResponse if the response is too long, or has too many parts."""
        self._reads.add(len(data))
        self._received += len(data)
        if self._received > _MAX_BYTES:
            raise CostlyResponse("the response is longer than any image that is accepted")
        if self._head is not None:
            self._check_head(self._head, data)

    def _check_head(self, head: bytearray, data: bytes) -> None:
        searched = max(0, len(head) - 2)
        head += data
        while end := _END_OF_HEAD.search(head, searched):
            self._check_headers(head, end.end())
            if not _INTERIM.match(head):
                self._head = None
                return
            self._interim += 1
            if self._interim > MAX_INTERIM_RESPONSES:
                raise CostlyResponse("the server announces a response again and again, but does not send it")
            del head[: end.end()]
            searched = 0
        self._check_headers(head, len(head))

    def _check_headers(self, head: bytearray, end: int) -> None:
        """Check the head up to ``end``."""
        if self._received - len(head) + end > MAX_HEAD_BYTES:
            raise CostlyResponse("the headers of the response are too long")
        if head.count(b"\n", 0, end) > MAX_HEADERS + 2:
            raise CostlyResponse("the response has too many headers")
