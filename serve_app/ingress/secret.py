"""The original's secret: what only users are told."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from auth.errors import AuthError
from auth.http.permissions import principal_of, public, require, user_of
from serve_app.ingress import schemas
from serve_app.ingress.documentation import also

UNTOLD: dict[int | str, dict[str, Any]] = {
    401: {"model": schemas.Detail, "description": "No token, or not a good one"},
    403: {"model": schemas.Detail, "description": "An application that acts for nobody"},
}


def legacy_secret_routes(errors: dict[int | str, dict[str, Any]]) -> APIRouter:
    """The original's call; it stands at the root and under ``/api``. Its errors have the form of Djoser."""
    router = APIRouter(tags=["original"])

    @router.get(
        "/secret", response_model=str, responses=errors | UNTOLD, openapi_extra=also(), summary="Users alone are told"
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
