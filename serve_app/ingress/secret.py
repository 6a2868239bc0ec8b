"""The original application's secret, visible to users only."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from auth.errors import AuthError
from auth.http.permissions import principal_of, public, require, user_of
from serve_app.ingress import schemas
from serve_app.ingress.documentation import optional_security

_ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": schemas.Detail, "description": "Credentials are missing or invalid"},
    403: {"model": schemas.Detail, "description": "The application does not act for a user"},
}


def legacy_secret_routes(errors: dict[int | str, dict[str, Any]]) -> APIRouter:
    """The original application's route, at the root and under ``/api``. Errors have Djoser's format."""
    router = APIRouter(tags=["original"])

    @router.get(
        "/secret",
        response_model=str,
        responses=errors | _ERRORS,
        openapi_extra=optional_security(),
        summary="A secret for users",
    )
    @public
    async def secret(request: Request) -> Response:
        try:
            user_of(require(await principal_of(request)))
        except AuthError as error:
            headers = {"WWW-Authenticate": "Token"} if error.status == 401 else None
            return JSONResponse({"detail": error.message}, error.status, headers)
        return JSONResponse("Hi corey")

    return router
