"""Error responses of the routes under ``/api/v1`` in the OpenAPI document."""

from typing import Any, Final

Responses = dict[int | str, dict[str, Any]]

_DESCRIPTIONS: Final = {
    400: "Invalid fields; `errors` lists the messages for each",
    401: "The credential is missing, invalid or expired",
    403: "Permission denied, a scope is missing, or a write with the cookie was not sent by the web app",
    404: "Not found",
    413: "The body is too large",
    422: "A parameter or the body does not match its schema",
    429: "Too many attempts; see Retry-After",
    502: "The provider's response is invalid",
    503: "The database or a provider is unavailable, or too many sign-ins are in progress; see Retry-After",
}
_CONTENT: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
"""The application turns errors into problem documents and defines this schema."""

SIGNED_IN: Final = (401, 403, 503)
"""Errors of every route that requires a principal."""
READS_BODY: Final = (400, 413, 422)


def problems(*statuses: int) -> Responses:
    """``responses`` of a route."""
    return {status: {"description": _DESCRIPTIONS[status], "content": _CONTENT} for status in sorted(statuses)}
