"""The responses that HAProxy gives itself, as problem documents like all errors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PROTECTIVE_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


@dataclass(frozen=True, slots=True)
class HAProxyError:
    """An error; the fields are those of docs/api.md."""

    status: int
    code: str
    title: str
    detail: str
    retry_after_s: int = 0
    """0: the header is left out."""

    def arguments(self) -> str:
        """What follows the status in HAProxy's directives. Each response gets a request id."""
        fields = {
            "type": f"urn:raylens:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": "%[uuid()]",
        }
        document = json.dumps(fields, separators=(",", ":")).replace('"', '\\"')
        retry = f" hdr Retry-After {self.retry_after_s}" if self.retry_after_s else ""
        security = " ".join(f'hdr {name} "{value}"' for name, value in PROTECTIVE_HEADERS.items())
        headers = f"{security}{retry} hdr Connection close"
        return f'content-type application/problem+json {headers} lf-string "{document}"'


TOO_MANY_CONNECTIONS: Final = HAProxyError(
    429,
    "too_many_connections",
    "Too many connections",
    "This address has too many connections open; reuse them, or open fewer at the same time.",
    retry_after_s=1,
)
TOO_MANY_REQUESTS: Final = HAProxyError(
    429,
    "too_many_requests",
    "Too many concurrent requests",
    "This address has too many requests in progress; send fewer at the same time.",
    retry_after_s=1,
)
_UNAVAILABLE: Final = ("unavailable", "Unavailable", "The service cannot be reached at the moment; try again.")
_ERRORS: Final = (
    HAProxyError(400, "invalid_request", "Invalid request", "The request is not valid HTTP/1.1, or ended early."),
    HAProxyError(408, "request_timeout", "Request timeout", "The request did not arrive completely in time."),
    HAProxyError(500, "internal_error", "Internal error", "The service failed to process the request."),
    HAProxyError(502, *_UNAVAILABLE, retry_after_s=1),
    HAProxyError(503, *_UNAVAILABLE, retry_after_s=1),
    HAProxyError(504, *_UNAVAILABLE, retry_after_s=1),
)


def response(error: HAProxyError) -> str:
    """The arguments of ``http-request return``."""
    return f"status {error.status} {error.arguments()}"


def error_lines() -> list[str]:
    """For HAProxy's defaults: all errors that it detects itself."""
    return [f"http-error status {error.status} {error.arguments()}" for error in _ERRORS]
