"""The HTTP application: every route under ``/api``, the original's also at the root."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from starlette.routing import Route

from auth import app as auth_app
from auth.http.permissions import refuse_undeclared
from serve_app import VERSION
from serve_app.ingress.classify import classify_routes, legacy_classify_routes
from serve_app.ingress.documentation import ASSETS, DOCUMENT, add_documentation
from serve_app.ingress.gateway import Gateway
from serve_app.ingress.health import health_routes, legacy_health_routes
from serve_app.ingress.history import history_routes
from serve_app.ingress.problems import install_problem_handlers
from serve_app.ingress.read_routes import legacy_look_routes, look_routes
from serve_app.ingress.secret import legacy_secret_routes
from serve_app.ingress.web import add_web_app
from serve_app.observability.request_log import RequestLogMiddleware

DESCRIPTION = """Send a photo, get its ImageNet classes with probabilities.

    curl --data-binary @cat.jpg http://127.0.0.1:8000/api/v1/classifications
"""

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, description in {
        400: "Nothing to classify, two inputs at once, or a body that cannot be read",
        401: "Not signed in, or with something that is no good (any more); see WWW-Authenticate",
        403: "Not allowed with this token, not for this user, or a browser's write that another site may have sent",
        404: "Unknown model or classification",
        413: "Too many bytes, pixels or images",
        415: "Not an image of an allowed format",
        422: "Corrupt image, bad or forbidden URL, failed fetch, invalid parameter",
        429: "Rate limit or quota; see Retry-After",
        503: "Overloaded or not ready; see Retry-After",
        504: "The deadline passed",
    }.items()
}


OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own telemetry: ours are serve_app.observability.tracing and serve_app.observability.metrics."""


def create_api(gateway: Gateway) -> FastAPI:
    """The ASGI application around a gateway, which it starts and stops."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await gateway.start()
        yield
        await gateway.stop()

    app = FastAPIOffline(
        telemetry=OFF,
        title="Raylens",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        static_url=ASSETS,
        openapi_url=DOCUMENT,
        lifespan=lifespan,
    )
    add_documentation(app, gateway.auth)
    install_problem_handlers(app)
    _add_routes(app, gateway)
    auth_app.install(app, gateway.auth)
    add_web_app(app)
    refuse_undeclared(app)
    app.add_middleware(RequestLogMiddleware, slow_s=gateway.settings.slow_request_s)
    return app


def _add_routes(app: FastAPI, gateway: Gateway) -> None:
    originals = [
        legacy_classify_routes(gateway, ERRORS),
        legacy_look_routes(gateway, ERRORS),
        legacy_secret_routes(ERRORS),
        legacy_health_routes(),
    ]
    ours = [
        classify_routes(gateway, ERRORS),
        history_routes(gateway, ERRORS),
        look_routes(gateway, ERRORS),
        health_routes(gateway),
        *originals,
    ]
    # What classifies reads its request by hand and is found before FastAPI's route of the same path, which stays for
    # the documentation: FastAPI's way to it takes longer than a cached answer.
    app.router.routes += [*_short_cuts(ours, "/api"), *_short_cuts(originals, "")]
    for router in ours:
        app.include_router(router, prefix="/api")
    for router in originals:
        app.include_router(router, include_in_schema=False)


def _short_cuts(routers: Iterable[APIRouter], prefix: str) -> list[Route]:
    return [
        Route(prefix + route.path, route.endpoint, methods=["POST"])
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and route.methods == {"POST"}
    ]
