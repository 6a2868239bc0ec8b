"""Problem details (RFC 9457): the only place that turns errors into HTTP responses."""

import math
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from auth.database import is_unavailable, outage_log
from auth.errors import AuthError, InvalidFields
from serve_app.errors import InternalError, InvalidParameter, RaylensError, Unavailable
from serve_app.observability.request_log import SCOPE_ERROR, SCOPE_OUTAGE

log = structlog.get_logger(__name__)

DATABASE_UNAVAILABLE: Final = Unavailable("The database is unavailable; try again later.", retry_after=5.0)


_NOT_ALLOWED: Final = "is not allowed for this path; the header Allow lists the methods that are."


class Problem(BaseModel):
    """An error: what is wrong and what to do (RFC 9457)."""

    type: str = Field(examples=["urn:raylens:problem:corrupt_image"])
    title: str = Field(examples=["Corrupt image"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["The JPEG file is truncated; send the complete file."])
    code: str = Field(examples=["corrupt_image"])
    request_id: str = Field(examples=["3f0e5c0a-5a39-4fb7-9a2e-0a3f0b4f4a55"])
    errors: dict[str, list[str]] | None = Field(
        default=None, description="Only for invalid_fields: the errors of each field.", examples=[None]
    )


def problem(error: RaylensError | AuthError, request_id: str) -> dict[str, Any]:
    """The problem document of an error."""
    fields = {"errors": error.fields} if isinstance(error, InvalidFields) else {}
    return {
        "type": f"urn:raylens:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.message.encode(errors="replace").decode(),  # lone surrogates are not valid JSON
        "code": error.code,
        "request_id": request_id,
        **fields,
    }


def request_id_of(request: Request) -> str:
    """The id from the request headers, ensured by LoadSheddingMiddleware; empty without it."""
    return request.headers.get("x-request-id", "")


def retry_after(error: RaylensError | AuthError) -> str:
    """The header's value: whole seconds, at least one."""
    return str(max(1, math.ceil(error.retry_after or 0.0)))


def problem_response(request: Request, error: RaylensError | AuthError) -> Response:
    request.scope[SCOPE_ERROR] = error
    headers = {} if error.retry_after is None else {"Retry-After": retry_after(error)}
    if isinstance(error, AuthError) and error.challenge:
        headers["WWW-Authenticate"] = error.challenge
    body = to_json(problem(error, request_id_of(request)))
    return Response(body, error.status, headers, media_type="application/problem+json")


def install_problem_handlers(app: FastAPI) -> None:
    """Return every error of the API as a problem document."""

    async def on_raylens_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RaylensError)  # noqa: S101 - for the type checker
        return problem_response(request, error)

    async def on_auth_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, AuthError)  # noqa: S101
        return problem_response(request, error)

    async def on_database_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, SQLAlchemyError)  # noqa: S101
        if not is_unavailable(error):
            raise error
        outage_log.add(request.url.path, error)
        request.scope[SCOPE_OUTAGE] = True
        return problem_response(request, DATABASE_UNAVAILABLE)

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        messages = "; ".join(f"{'.'.join(map(str, detail['loc'][1:]))}: {detail['msg']}" for detail in error.errors())
        return problem_response(request, InvalidParameter(messages))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        status = HTTPStatus(error.status_code)
        detail = f"{request.method} {_NOT_ALLOWED}" if status == HTTPStatus.METHOD_NOT_ALLOWED else str(error.detail)
        document = problem(InternalError(detail), request_id_of(request))
        code = status.phrase.lower().replace(" ", "_")
        document |= {"type": f"urn:raylens:problem:{code}", "title": status.phrase, "status": status, "code": code}
        return JSONResponse(document, status, error.headers, media_type="application/problem+json")

    async def on_disconnect(_request: Request, _error: Exception) -> Response:
        return Response(status_code=499)  # never reaches the client

    async def on_unexpected_error(request: Request, error: Exception) -> Response:
        return problem_response(request, InternalError("Internal error; please report it with the request id."))

    app.add_exception_handler(RaylensError, on_raylens_error)
    app.add_exception_handler(AuthError, on_auth_error)
    app.add_exception_handler(SQLAlchemyError, on_database_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(ClientDisconnect, on_disconnect)
    app.add_exception_handler(Exception, on_unexpected_error)
