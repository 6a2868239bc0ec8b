"""Requests as a route sees them, without an application."""

from starlette.requests import HTTPConnection


def connection(method: str = "GET", **headers: str) -> HTTPConnection:
    """``x_requested_with`` names the header X-Requested-With."""
    pairs = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return HTTPConnection({"type": "http", "method": method, "path": "/", "headers": pairs})
