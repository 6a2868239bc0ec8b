"""Paths with a trailing slash that no route has."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.ingress.methods import MethodTable, route_path


def ignore_trailing_slashes(app: FastAPI, table: MethodTable) -> None:
    """Serve ``/path/`` like ``/path``: a redirect would double an upload, and not all clients repeat a POST."""
    app.router.redirect_slashes = False
    app.router.default = _fallback(app, table, app.router.default)


def _fallback(app: FastAPI, table: MethodTable, otherwise: ASGIApp) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path = route_path(scope) if scope["type"] == "http" else ""
        if path.endswith("/") and not path.endswith("//") and table.allowed(path.removesuffix("/")):
            scope["path"] = scope["path"].removesuffix("/")
            await app.router.app(scope, receive, send)
        else:
            await otherwise(scope, receive, send)

    return answer
