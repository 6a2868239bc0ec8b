"""Requests to the OAuth endpoints and their responses, independent of the web framework."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.audit import RequestSource

_MAX_FORM_BYTES: Final = 64 << 10
_MAX_PARAMETERS: Final = 100
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class OAuthResponse:
    """A JSON document, or a redirect if it has a ``Location``."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=lambda: NO_STORE)

    @property
    def location(self) -> str | None:
        return self.headers.get("Location")

    def to_starlette(self) -> Response:
        if self.location:
            return Response(status_code=self.status, headers={**NO_STORE, **self.headers})
        return JSONResponse(dict(self.body), self.status, dict(self.headers))


class OAuthError(Exception):
    """Ends a request with an error response (RFC 6749, sections 4.1.2.1 and 5.2)."""

    def __init__(self, response: OAuthResponse) -> None:
        super().__init__(str(response.body.get("error", response.status)))
        self.response = response


def invalid_request(description: str, status: int = 400) -> OAuthError:
    return OAuthError(OAuthResponse(status, {"error": "invalid_request", "error_description": description}))


@dataclass(frozen=True, slots=True)
class OAuthRequest:
    method: str
    uri: str
    """Starts with the public URL, even behind a proxy."""
    parameters: Mapping[str, str]
    """Without those that have no value, which count as omitted (RFC 6749, section 3.1)."""
    repeated: frozenset[str]
    """Parameters that occur more than once, which is invalid."""
    authorization: str | None
    source: RequestSource


def parse_request(
    encoded: bytes, method: str, uri: str, *, authorization: str | None = None, source: RequestSource
) -> OAuthRequest:
    """``encoded``: a form or a query. Raises OAuthError if malformed."""
    pairs = parse_parameters(encoded)
    counts = Counter(name for name, _ in pairs)
    return OAuthRequest(
        method=method,
        uri=uri,
        parameters=dict(pair for pair in pairs if pair[1]),
        repeated=frozenset(name for name, count in counts.items() if count > 1),
        authorization=authorization,
        source=source,
    )


async def read_form_request(request: Request, uri: str, source: RequestSource) -> OAuthRequest:
    """Raises OAuthError unless the parameters are in a form, each at most once."""
    if request.scope["query_string"]:
        raise invalid_request("Send parameters in the body, not in the query.")
    authorization = request.headers.get("authorization")
    form = await read_form(request)
    parsed = parse_request(form, request.method, uri, authorization=authorization, source=source)
    if parsed.repeated:
        raise invalid_request("A parameter is repeated.")
    return parsed


async def read_form(request: Request) -> bytes:
    """Raises OAuthError if the body is not a form or too large."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise invalid_request(f"The body must be {_FORM_TYPE}.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            raise invalid_request(f"The body exceeds {_MAX_FORM_BYTES >> 10} KiB.", status=413)
    return bytes(body)


def parse_parameters(encoded: bytes) -> list[tuple[str, str]]:
    """In order. Raises OAuthError if they are not UTF-8, or too many."""
    try:
        text = encoded.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        raise invalid_request(f"Send at most {_MAX_PARAMETERS} parameters, encoded as UTF-8.") from None
