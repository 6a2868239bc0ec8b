"""Health routes: liveness and readiness."""

from fastapi import APIRouter
from starlette.responses import Response

from auth.http.permissions import public
from serve_app.ingress import schemas
from serve_app.ingress.classify import json_response
from serve_app.ingress.gateway import Gateway


def health_routes(gateway: Gateway) -> APIRouter:
    """``/health/live`` and ``/health/ready``."""
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live", response_model=schemas.Health, summary="Liveness of the process")
    @public
    async def live() -> Response:
        return json_response({"is_healthy": True})

    @router.get(
        "/ready",
        response_model=schemas.Readiness,
        responses={503: {"model": schemas.Readiness}},
        summary="Readiness: 503 until every model is loaded. Degraded components do not affect it",
    )
    @public
    async def ready() -> Response:
        parts = await gateway.component_states()
        starting = "starting" in parts.values()
        status = "starting" if starting else "degraded" if "degraded" in parts.values() else "ready"
        headers = {"Retry-After": "2"} if starting else None
        return json_response({"status": status, "parts": parts}, 503 if starting else 200, headers)

    return router


def legacy_health_routes() -> APIRouter:
    """The original application's route, at the root and under ``/api``."""
    router = APIRouter(tags=["original"])

    @router.get("/health", response_model=schemas.Health, summary="Health of the service")
    @public
    async def health() -> Response:
        return json_response({"is_healthy": True})

    return router
