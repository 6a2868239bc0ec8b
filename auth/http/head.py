"""HEAD requests, which the application handles as GET without sending the body."""

from typing import Final

from starlette.requests import HTTPConnection

SCOPE_HEAD: Final = "auth.head"
"""Key in the ASGI scope of a HEAD request."""


def is_head(connection: HTTPConnection) -> bool:
    """Whether the request is a HEAD request. A route whose GET changes something must change nothing then."""
    return SCOPE_HEAD in connection.scope
