"""The request log: a span per traced request, and a log line per failed or slow request.

There is no line per request: it would add 4 % to the time of a cached response, and the metrics count requests.
"""

import re
import time
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.errors import AuthError
from auth.principal import Principal
from serve_app.errors import InternalError, RaylensError, StorageUnavailable
from serve_app.observability import tracing
from serve_app.observability.log_context import bound_log_context
from serve_app.observability.log_rate_limit import LogRateLimit
from serve_app.observability.request_id import REQUEST_ID_HEADER

log = structlog.get_logger(__name__)

_UNTRACED: Final = re.compile(r"/(api/)?health(/|$)|/assets/")
"""Health checks, which are frequent and uninformative, and static files."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_MAX_PATH_LENGTH: Final = 200

SCOPE_ERROR: Final = "raylens.error"
"""Key in the ASGI scope: the error that the response reports."""

SCOPE_OUTAGE: Final = "raylens.outage"
"""Key in the ASGI scope: there if the request failed because the database is unavailable."""

_limit = LogRateLimit()
_outage_limit = LogRateLimit(1, period_s=60.0)
"""For outages of the database or the disk, which are logged as such and affect every request."""


class RequestLogEntry:
    """A request and its outcome."""

    __slots__ = ("_send", "_started", "error", "scope", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.status = 0
        self.error: Exception | None = None
        self._send = send
        self._started = time.perf_counter()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    @property
    def request_id(self) -> str:
        return next((value.decode("latin-1") for name, value in self.scope["headers"] if name == REQUEST_ID_HEADER), "")

    @property
    def route(self) -> str:
        """The path with parameter names instead of values; empty if no route matches."""
        if "endpoint" not in self.scope:
            return ""
        path: str = self.scope["path"]
        for name, value in self.scope.get("path_params", {}).items():
            path = path.replace(f"/{value}", f"/{{{name}}}", 1)
        return path

    @property
    def principal(self) -> Principal | None:
        """The principal, once the request is authenticated."""
        return self.scope.get("auth.principal")

    @property
    def code(self) -> str:
        """The error code of the response; empty if there was no error of Raylens."""
        error = self.error or self.scope.get(SCOPE_ERROR)
        return error.code if isinstance(error, RaylensError | AuthError) else InternalError.code if error else ""

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self._started

    def log_fields(self) -> dict[str, Any]:
        user = principal.user if (principal := self.principal) else None
        return {"request_id": self.request_id} | ({"user_id": user.id} if user else {})


class RequestLogMiddleware:
    """ASGI middleware around all routes."""

    def __init__(self, app: ASGIApp, slow_s: float) -> None:
        """``slow_s``: requests that take longer are logged; 0 disables this."""
        self._app = app
        self._slow_s = slow_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        entry = RequestLogEntry(scope, send)
        with bound_log_context(entry):
            if tracing.is_on() and not _UNTRACED.match(scope["path"]):
                with tracing.request(scope["method"], scope["headers"]) as span:
                    try:
                        await self._handle(entry, receive)
                    finally:
                        _describe(span, entry)
            else:
                await self._handle(entry, receive)
        if entry.error is not None:
            raise entry.error

    async def _handle(self, entry: RequestLogEntry, receive: Receive) -> None:
        try:
            await self._app(entry.scope, receive, entry.send)
        except Exception as error:  # handled by an outer middleware
            entry.error = error
            entry.status = entry.status or 500
        if entry.status >= 500:
            _log_failure(entry)
        elif self._slow_s and entry.elapsed_s > self._slow_s:
            _log(entry, "request_slow")


def log_rejected_request(scope: Scope, error: RaylensError) -> None:
    """Log a request that was rejected before it reached the middleware."""
    entry = RequestLogEntry(scope, _unused)
    entry.status, entry.error = error.status, error
    with bound_log_context(entry):
        if tracing.is_on():
            with tracing.request(scope["method"], scope["headers"]) as span:
                _describe(span, entry)
        _log_failure(entry)


def log_failed_image(index: int, error: RaylensError) -> None:
    """Log a server error of one of several images; the request itself succeeds."""
    if error.status >= 500 and (left_out := _limit_of(error).take(error.code)) is not None:
        log.warning("image_failed", image=index, status=error.status, code=error.code, **_left_out_field(left_out))


def _log_failure(entry: RequestLogEntry) -> None:
    if entry.status == 500:
        _log(entry, "request_failed", exc_info=entry.error or entry.scope.get(SCOPE_ERROR))
    else:
        _log(entry, "request_failed")


def _log(entry: RequestLogEntry, event: str, exc_info: BaseException | None = None) -> None:
    kind = entry.code or event
    if (left_out := _limit_of(entry.error or entry.scope.get(SCOPE_ERROR), entry).take(kind)) is None:
        return
    fields = {
        "method": entry.scope["method"],
        "path": entry.scope["path"][:_MAX_PATH_LENGTH],
        "status": entry.status,
        **({"code": entry.code} if entry.code else {}),
        "duration_ms": round(entry.elapsed_s * 1e3, 1),
        **_left_out_field(left_out),
    }
    if exc_info:
        log.error(event, exc_info=exc_info, **fields)
    else:
        log.warning(event, **fields)


def _limit_of(error: Exception | None, entry: RequestLogEntry | None = None) -> LogRateLimit:
    """The auth package answers outages of the database itself, without an error of Raylens."""
    of_database = entry is not None and (SCOPE_OUTAGE in entry.scope or (error is None and entry.status == 503))
    return _outage_limit if of_database or isinstance(error, StorageUnavailable) else _limit


def _left_out_field(left_out: int) -> dict[str, int]:
    return {"others_left_out": left_out} if left_out else {}


def _describe(span: tracing.Span, entry: RequestLogEntry) -> None:
    if not span:
        return
    method = entry.scope["method"] if entry.scope["method"] in _METHODS else "_OTHER"
    span.rename(f"{method} {entry.route}".strip())
    span.set(
        {
            "http.request.method": method,
            **({"http.route": entry.route} if entry.route else {}),
            **({"http.response.status_code": int(entry.status)} if entry.status else {}),
            "raylens.request_id": entry.request_id,
            "raylens.user.kind": _user_kind(entry.principal),
        }
    )
    if entry.status >= 500:
        span.fail(entry.code or str(entry.status))
    elif entry.code:
        span.set({"error.type": entry.code})


def _user_kind(principal: Principal | None) -> str:
    if principal is None:
        return "anonymous"
    return principal.kind if principal.user else "application"


async def _unused(_message: Message) -> None:
    """A rejected request sends nothing through its entry."""
