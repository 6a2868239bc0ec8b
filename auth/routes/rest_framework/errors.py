"""Errors that only this form has, and the form of all."""

import math

from starlette.responses import JSONResponse, Response

from auth.errors import AuthError, InvalidFields, InvalidLogin

_RETRY_AFTER_S = 5
"""Ask again after this when the database cannot be reached."""


class ApiException(Exception):
    """A request that cannot be understood. ``detail`` is for the person who reads it."""

    def __init__(self, status: int, detail: str, allow: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {"Allow": allow} if allow else {}

    def response(self) -> Response:
        return JSONResponse({"detail": self.detail}, self.status, self.headers)


def response_to(error: AuthError) -> Response:
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
    """While the database cannot be reached."""
    detail = {"detail": "Service temporarily unavailable, try again later."}
    return JSONResponse(detail, 503, {"Retry-After": str(_RETRY_AFTER_S)})
