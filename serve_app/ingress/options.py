"""Query parameters and headers of a classification request.

Parsed by hand: FastAPI's validation took a third of the time of a cached response.
"""

import time
from typing import Any, Final, get_args

from starlette.requests import Request

from auth.http.numbers import parse_number
from serve_app.errors import InvalidParameter
from serve_app.ingress.classification import CacheMode, Options, ServedModel
from serve_app.ingress.problems import request_id_of
from serve_app.ingress.requester import Requester

_DEFAULT_TOP_K: Final = 5
_MAX_TOP_K: Final = 1000
_TIMEOUT_HEADER: Final = "x-request-timeout"
_CACHE_MODES: Final = get_args(CacheMode)

PARAMETERS: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "model",
            "in": "query",
            "description": "A model name from /api/v1/models; by default the first one.",
            "schema": {"type": "string"},
        },
        {
            "name": "top_k",
            "in": "query",
            "description": "Number of classes in the response.",
            "schema": {"type": "integer", "minimum": 1, "maximum": _MAX_TOP_K, "default": _DEFAULT_TOP_K},
        },
        {
            "name": "cache",
            "in": "query",
            "description": "refresh: classify again and update the cache; off: bypass the cache.",
            "schema": {"type": "string", "enum": list(_CACHE_MODES), "default": "use"},
        },
        {
            "name": "X-Request-Timeout",
            "in": "header",
            "description": "Deadline in seconds, at most 30.",
            "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": 30},
        },
    ]
}


def options_of(request: Request, model: ServedModel, max_timeout_s: float, *, client: Requester) -> Options:
    """The options of a request of a client. Raises InvalidParameter.

    ``max_timeout_s``: upper limit for the timeout.
    """
    query = request.query_params
    deadline = _deadline(request.headers.get(_TIMEOUT_HEADER), max_timeout_s)
    top_k, cache = _top_k(query.get("top_k")), _cache(query.get("cache"))
    return Options(model, top_k, cache, deadline, client, request_id_of(request))


def has_timeout(request: Request) -> bool:
    """Whether the client says how long it waits."""
    return _TIMEOUT_HEADER in request.headers


def _cache(text: str | None) -> CacheMode:
    match text:
        case None | "use":
            return "use"
        case "refresh" | "off":
            return text
    raise InvalidParameter(f"cache must be one of {', '.join(_CACHE_MODES)}.")


def _top_k(text: str | None) -> int:
    if text is None:
        return _DEFAULT_TOP_K
    requested = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    if not 1 <= requested <= _MAX_TOP_K:
        raise InvalidParameter(f"top_k must be an integer from 1 to {_MAX_TOP_K}.")
    return requested


def _deadline(timeout: str | None, max_timeout_s: float) -> float:
    """Unix time at which the client stops waiting."""
    if timeout is None:
        return time.time() + max_timeout_s
    requested_s = parse_number(timeout.strip()) or 0.0
    if not 0 < requested_s <= max_timeout_s:
        raise InvalidParameter(f"X-Request-Timeout must be a number of seconds above 0 and at most {max_timeout_s:g}.")
    return time.time() + requested_s
