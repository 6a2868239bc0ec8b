"""How routes under ``/api/v1`` tell of their errors in the OpenAPI document."""

from typing import Any, Final

Responses = dict[int | str, dict[str, Any]]

PROBLEMS: Final = {
    400: "Wrong fields; `errors` says what is wrong with each",
    401: "Not signed in, or with something that is no good (any more)",
    403: "Not allowed, a scope is missing, or a cookie's write that the web app did not send",
    404: "There is no such thing",
    413: "The body is too large",
    422: "A parameter or the body is not of the form described here",
    429: "Too many attempts; see Retry-After",
    502: "A provider's answer cannot be used",
    503: "The database or a provider cannot be reached, or too many passwords wait to be checked; see Retry-After",
}
_CONTENT: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
"""The application around turns errors into problem documents, and describes them."""

SIGNED_IN: Final = (401, 403, 503)
"""What may come of any route that asks who comes."""
READS_BODY: Final = (400, 413, 422)


def problems(*statuses: int) -> Responses:
    """For a route's ``responses``."""
    return {status: {"description": PROBLEMS[status], "content": _CONTENT} for status in sorted(statuses)}
