"""Load shedding: rejects images while the queue is full, before Serve, the routes and the body cost anything.

Serve wraps :class:`LoadSheddingMiddleware` around the HTTP server of each ingress replica and around its own proxy; an
environment variable set in ``serve_app.cluster.ray_cluster`` names :func:`middlewares_for_ray`. Without the middleware,
the routes reject the same requests at three times the cost, and rejections must be cheap during an overload.
"""

from collections.abc import Callable

from pydantic_core import to_json
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.errors import Overloaded
from serve_app.ingress.body_stream import BodyStreamMiddleware
from serve_app.ingress.http_protocol import use_raylens_protocol
from serve_app.ingress.image_paths import IMAGE_PATHS
from serve_app.ingress.problems import problem, retry_after
from serve_app.ingress.request_headers import without_ignored
from serve_app.ingress.security_headers import SECURITY_HEADERS
from serve_app.observability import request_log
from serve_app.observability.logging import configure_ray_process_logging
from serve_app.observability.request_id import REQUEST_ID_HEADER, ensure_request_id

OverloadCheck = Callable[[Scope], Overloaded | None]
"""Returns the error for new images of the client of a request, or None if there is room for them."""

_overload_check: OverloadCheck | None = None


def set_overload_check(check: OverloadCheck | None) -> None:
    """Set the check of this process; the ingress replica in this process does so when it starts."""
    global _overload_check  # noqa: PLW0603 - Serve creates the middleware; a replica has its own process
    _overload_check = check


def middlewares_for_ray() -> list[Middleware]:
    """Called by Serve before it starts the HTTP server of an ingress replica or of its own proxy."""
    configure_ray_process_logging()
    use_raylens_protocol()
    return middlewares()


def middlewares() -> list[Middleware]:
    """The ASGI middleware, outermost last."""
    return [Middleware(LoadSheddingMiddleware), Middleware(BodyStreamMiddleware)]


class LoadSheddingMiddleware:
    """ASGI middleware; also drops headers for Ray Serve, and ensures a request id.

    Requests that name a model pass: only the route knows their queue.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            scope["headers"] = without_ignored(scope["headers"])
            ensure_request_id(scope)
        has_images = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in IMAGE_PATHS
        if (
            _overload_check
            and has_images
            and b"model=" not in scope["query_string"]
            and (rejection := _overload_check(scope))
        ):
            await _reject(rejection, scope, send)
        else:
            await self._app(scope, receive, send)


async def _reject(rejection: Overloaded, scope: Scope, send: Send) -> None:
    """Does not read the body."""
    request_log.log_rejected_request(scope, rejection)
    request_id = dict(scope["headers"])[REQUEST_ID_HEADER]
    body = to_json(problem(rejection, request_id.decode()))
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", retry_after(rejection).encode()),
        (REQUEST_ID_HEADER, request_id),
        *SECURITY_HEADERS,
    ]
    await send({"type": "http.response.start", "status": rejection.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
