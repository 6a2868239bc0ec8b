"""The HTTP application: every route under ``/api``, those of the original application also at the root."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from starlette.routing import Route

from auth import app as auth_app
from auth.http.permissions import require_access_rules
from serve_app import VERSION
from serve_app.ingress.classify import classify_routes, legacy_classify_routes
from serve_app.ingress.documentation import ASSETS_PATH, OPENAPI_PATH, add_documentation
from serve_app.ingress.gateway import Gateway
from serve_app.ingress.health import health_routes, legacy_health_routes
from serve_app.ingress.history import history_routes
from serve_app.ingress.hosts import AllowedHosts
from serve_app.ingress.methods import MethodsMiddleware, MethodTable
from serve_app.ingress.problems import install_problem_handlers
from serve_app.ingress.read_routes import legacy_read_routes, read_routes
from serve_app.ingress.request_bodies import RequestBodyMiddleware
from serve_app.ingress.request_headers import RequestHeadersMiddleware
from serve_app.ingress.secret import legacy_secret_routes
from serve_app.ingress.security_headers import add_security_headers
from serve_app.ingress.trailing_slash import ignore_trailing_slashes
from serve_app.ingress.web import add_web_app
from serve_app.observability.request_log import RequestLogMiddleware

_DESCRIPTION = """Classify photos into the ImageNet classes.

    curl --data-binary @cat.jpg http://127.0.0.1:8000/api/v1/classifications
"""

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, description in {
        400: "No image, more than one input, or a malformed body",
        401: "Credentials are missing, invalid or expired; see WWW-Authenticate",
        403: "Not permitted for this token or user, or a possible cross-site request of a browser",
        404: "Unknown model or classification",
        408: "The upload is too slow",
        413: "Too many bytes, pixels, images or elements",
        415: "Not an image of an allowed format, or compressed",
        421: "The header Host names another service",
        422: "Corrupt image, bad or forbidden URL, failed fetch, or invalid parameter",
        429: "Rate limit or quota exceeded; see Retry-After",
        503: "Overloaded or not ready; see Retry-After",
        504: "Deadline exceeded",
    }.items()
}


_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own telemetry; Raylens has serve_app.observability instead."""


def create_api(gateway: Gateway) -> FastAPI:
    """The ASGI application for a gateway, which it starts and stops."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await gateway.start()
        yield
        await gateway.stop()

    app = FastAPIOffline(
        telemetry=_NO_TELEMETRY,
        title="Raylens",
        version=VERSION,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        static_url=ASSETS_PATH,
        openapi_url=OPENAPI_PATH,
        lifespan=lifespan,
    )
    add_documentation(app, gateway.auth)
    install_problem_handlers(app)
    _add_routes(app, gateway)
    auth_app.include_auth(app, gateway.auth)
    add_web_app(app)
    methods = MethodTable(app)
    ignore_trailing_slashes(app, methods)
    require_access_rules(app)
    app.add_middleware(MethodsMiddleware, table=methods)
    app.add_middleware(RequestBodyMiddleware, policy=gateway)
    app.add_middleware(RequestHeadersMiddleware, hosts=AllowedHosts(gateway.settings))
    app.add_middleware(RequestLogMiddleware, slow_s=gateway.settings.slow_request_s)
    add_security_headers(app, https=gateway.settings.public_url.startswith("https://"))
    return app


def _add_routes(app: FastAPI, gateway: Gateway) -> None:
    originals = [
        legacy_classify_routes(gateway, _ERRORS),
        legacy_read_routes(gateway, _ERRORS),
        legacy_secret_routes(_ERRORS),
        legacy_health_routes(),
    ]
    routers = [
        classify_routes(gateway, _ERRORS),
        history_routes(gateway, _ERRORS),
        read_routes(gateway, _ERRORS),
        health_routes(gateway),
        *originals,
    ]
    # Classifying routes parse requests by hand. As plain routes they come before FastAPI's routes of the same paths,
    # which remain for the documentation: FastAPI's dispatch takes longer than a cached response.
    app.router.routes += [*_plain_routes(routers, "/api"), *_plain_routes(originals, "")]
    for router in routers:
        app.include_router(router, prefix="/api")
    for router in originals:
        app.include_router(router, include_in_schema=False)


def _plain_routes(routers: Iterable[APIRouter], prefix: str) -> list[Route]:
    return [
        Route(prefix + route.path, route.endpoint, methods=["POST"])
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and route.methods == {"POST"}
    ]
