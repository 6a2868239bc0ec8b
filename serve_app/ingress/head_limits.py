"""Limits for the head of a request, before anything parses it: HAProxy lets 128 KiB and 101 headers pass."""

from typing import Final

from starlette.types import Scope

from serve_app.errors import HeadersTooLarge, RaylensError, UriTooLong

MAX_URI_BYTES: Final = 16 << 10
"""Path and query. Applications may put much into the state of an authorization request."""
MAX_PARAMETERS: Final = 100
MAX_HEADER_BYTES: Final = 32 << 10
"""Names and values. A browser may send some kilobytes of cookies of other applications on the same host."""
MAX_COOKIES: Final = 200
"""More than browsers store for a host."""


def head_rejection(scope: Scope) -> RaylensError | None:
    """The error for a request with too much before its body."""
    query: bytes = scope["query_string"]
    if len(scope.get("raw_path", b"")) + len(query) > MAX_URI_BYTES:
        return UriTooLong(f"The URL is longer than {MAX_URI_BYTES >> 10} KiB.")
    if query.count(b"&") >= MAX_PARAMETERS:
        return UriTooLong(f"The URL has more than {MAX_PARAMETERS} parameters.")
    size = cookies = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name == b"cookie":
            cookies += 1 + value.count(b";")
    if size > MAX_HEADER_BYTES:
        return HeadersTooLarge(
            f"The headers are larger than {MAX_HEADER_BYTES >> 10} KiB; delete cookies of this host."
        )
    if cookies > MAX_COOKIES:
        return HeadersTooLarge(f"The request has more than {MAX_COOKIES} cookies; delete cookies of this host.")
    return None
