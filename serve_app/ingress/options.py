"""What a request asks for besides its images.

Read by hand: FastAPI's way took a third of the time of a cached answer.
"""

import time
from typing import Any, Final, get_args

from starlette.requests import Request

from serve_app.errors import InvalidParameter
from serve_app.ingress.classification import CacheMode, Options, ServedModel
from serve_app.ingress.problems import request_id_of

TOP_K_DEFAULT: Final = 5
TOP_K_MOST: Final = 1000
CACHE_MODES: Final = get_args(CacheMode)

PARAMETERS: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "model",
            "in": "query",
            "description": "A name of /api/v1/models; the default one if left out.",
            "schema": {"type": "string"},
        },
        {
            "name": "top_k",
            "in": "query",
            "description": "How many classes to answer with.",
            "schema": {"type": "integer", "minimum": 1, "maximum": TOP_K_MOST, "default": TOP_K_DEFAULT},
        },
        {
            "name": "cache",
            "in": "query",
            "description": "refresh: classify anew and remember; off: neither look up nor remember.",
            "schema": {"type": "string", "enum": list(CACHE_MODES), "default": "use"},
        },
        {
            "name": "X-Request-Timeout",
            "in": "header",
            "description": "Seconds to wait at most, up to 30.",
            "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": 30},
        },
    ]
}


def options_of(request: Request, model: ServedModel, longest_s: float, user_id: int | None) -> Options:
    """``longest_s``: to wait for the answer. Raises InvalidParameter."""
    query = request.query_params
    deadline = _deadline(request.headers.get("x-request-timeout"), longest_s)
    top_k, cache = _top_k(query.get("top_k")), _cache(query.get("cache"))
    return Options(model, top_k, cache, deadline, user_id, request_id_of(request))


def _cache(text: str | None) -> CacheMode:
    match text:
        case None | "use":
            return "use"
        case "refresh" | "off":
            return text
    raise InvalidParameter(f"cache must be one of {', '.join(CACHE_MODES)}.")


def _top_k(text: str | None) -> int:
    if text is None:
        return TOP_K_DEFAULT
    wanted = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    if not 1 <= wanted <= TOP_K_MOST:
        raise InvalidParameter(f"top_k must be a whole number from 1 to {TOP_K_MOST}.")
    return wanted


def _deadline(timeout: str | None, longest_s: float) -> float:
    """Unix time at which the client stops waiting."""
    if timeout is None:
        return time.time() + longest_s
    try:
        wanted_s = float(timeout)
    except ValueError:
        wanted_s = 0.0
    if not 0 < wanted_s <= longest_s:
        raise InvalidParameter(f"X-Request-Timeout must be seconds, more than 0 and at most {longest_s:g}.")
    return time.time() + wanted_s
