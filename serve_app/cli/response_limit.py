"""Limit for the responses of servers, which a wrong address could make endless."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

import httpx

MAX_RESPONSE_BYTES: Final = 8 << 20
"""Many times the largest response to a command."""
UNCOMPRESSED: Final = {"Accept-Encoding": "identity"}
"""A small compressed response could expand to a huge one."""


class UnacceptableResponse(httpx.TransportError):
    """The response is too large or compressed. Not repeated, unlike a lost connection."""


def limit_response(response: httpx.Response) -> None:
    """Event hook of a client. Raises UnacceptableResponse here or while the response is read."""
    _check_encoding(response)
    assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101 - for the type checker
    response.stream = _Limited(response.stream)


async def limit_async_response(response: httpx.Response) -> None:
    """The same for an asynchronous client."""
    _check_encoding(response)
    assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101
    response.stream = _AsyncLimited(response.stream)


def _check_encoding(response: httpx.Response) -> None:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnacceptableResponse("the response is compressed")


def _checked(size: int) -> int:
    if size > MAX_RESPONSE_BYTES:
        raise UnacceptableResponse(f"the response exceeds {MAX_RESPONSE_BYTES >> 20} MiB")
    return size


class _Limited(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            size = _checked(size + len(chunk))
            yield chunk

    def close(self) -> None:
        self._stream.close()


class _AsyncLimited(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size = _checked(size + len(chunk))
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
