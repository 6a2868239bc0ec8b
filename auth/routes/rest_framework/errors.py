"""Error responses."""

import math

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from auth.errors import AuthError, InvalidFields, InvalidLogin

_RETRY_AFTER_S = 5


def response_to(error: AuthError | HTTPException) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
    if isinstance(error, InvalidFields):
        return JSONResponse(error.fields, error.status)
    if isinstance(error, InvalidLogin):
        return JSONResponse({"non_field_errors": [error.message]}, error.status)
    headers = {"WWW-Authenticate": "Token"} if error.status == 401 else {}
    detail = error.message
    if error.retry_after is not None:
        seconds = max(1, math.ceil(error.retry_after))
        headers["Retry-After"] = str(seconds)
        if error.status == 429:
            detail = f"Request was throttled. Expected available in {seconds} second{'s' * (seconds != 1)}."
    return JSONResponse({"detail": detail}, error.status, headers)


def unavailable() -> Response:
    detail = {"detail": "Service temporarily unavailable, try again later."}
    return JSONResponse(detail, 503, {"Retry-After": str(_RETRY_AFTER_S)})
