"""Rejects images while the queue is full, before Serve, the routes and the body cost anything.

Serve wraps :class:`LoadSheddingMiddleware` around the HTTP server of each ingress replica and around its
own proxy, where every request passes; a flag in ``serve_app.cluster.ray_cluster`` names :func:`middlewares_for_ray`.
Without it the routes reject the same requests at three times the cost, and in an overload rejections have to be cheap.
"""

import json
from collections.abc import Callable
from typing import Final

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.errors import Overloaded
from serve_app.ingress.problems import problem, retry_after
from serve_app.observability import request_log
from serve_app.observability.logging import begin_in_ray
from serve_app.observability.request_id import HEADER, settle

PATHS: Final = frozenset({"/api/v1/classifications", "/api/classify-image", "/classify-image"})

Refusal = Callable[[], Overloaded | None]
"""Why an image would be turned away just now."""

_refusal: Refusal | None = None


def set_refusal(refusal: Refusal | None) -> None:
    """What the gate of this process asks: the ingress replica that runs here, once it runs."""
    global _refusal  # noqa: PLW0603 - Serve makes the gate, and a replica has a process of its own
    _refusal = refusal


def middlewares_for_ray() -> list[Middleware]:
    """Called by Serve before it starts an HTTP server, be it an ingress replica's or that of its own proxy."""
    begin_in_ray()
    return middlewares()


def middlewares() -> list[Middleware]:
    """What stands around the server, the outermost last."""
    return [Middleware(LoadSheddingMiddleware)]


class LoadSheddingMiddleware:
    """ASGI. Settles the request's id as well. Requests that name a model pass: only their route knows its queue."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            settle(scope)
        brings_images = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in PATHS
        if _refusal and brings_images and b"model=" not in scope["query_string"] and (refusal := _refusal()):
            await _refuse(refusal, scope, send)
        else:
            await self._app(scope, receive, send)


async def _refuse(refusal: Overloaded, scope: Scope, send: Send) -> None:
    """The unread body is left to the server, which drops it as it comes in and keeps the connection."""
    request_log.refused(scope, refusal)
    request_id = dict(scope["headers"])[HEADER]
    body = json.dumps(problem(refusal, request_id.decode()), ensure_ascii=False, separators=(",", ":")).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", retry_after(refusal).encode()),
        (HEADER, request_id),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
