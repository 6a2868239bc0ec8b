"""What is written down of each request: its span where it is traced, a line where it failed or took too long.

A line for every request is not written: it would cost a cached answer 4 % of its time, and the metrics count them.
"""

import re
import time
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.errors import AuthError
from auth.principal import Principal
from serve_app.errors import InternalError, RaylensError
from serve_app.observability import tracing
from serve_app.observability.log_context import bound_log_context
from serve_app.observability.log_rate_limit import LogRateLimit
from serve_app.observability.request_id import HEADER

log = structlog.get_logger(__name__)

UNTRACED: Final = re.compile(r"/(api/)?health(/|$)|/assets/")
"""What is asked every second and tells nothing, and files sent from memory."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
LONGEST_PATH: Final = 200

SCOPE_ERROR: Final = "raylens.error"
"""Key in the ASGI scope: the error that the request was answered with."""

_limit = LogRateLimit()


class Entry:
    """One request: who asked for what, and what came of it."""

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
        return next((value.decode("latin-1") for name, value in self.scope["headers"] if name == HEADER), "")

    @property
    def route(self) -> str:
        """The path with names in place of what was asked for; empty where no route has it."""
        if "endpoint" not in self.scope:
            return ""
        path: str = self.scope["path"]
        for name, value in self.scope.get("path_params", {}).items():
            path = path.replace(f"/{value}", f"/{{{name}}}", 1)
        return path

    @property
    def principal(self) -> Principal | None:
        """Who asked, once it is known."""
        return self.scope.get("auth.principal")

    @property
    def code(self) -> str:
        """Of the error, as the client was told; empty where there was none of ours."""
        error = self.error or self.scope.get(SCOPE_ERROR)
        return error.code if isinstance(error, RaylensError | AuthError) else InternalError.code if error else ""

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self._started

    def log_fields(self) -> dict[str, Any]:
        user = principal.user if (principal := self.principal) else None
        return {"request_id": self.request_id} | ({"user_id": user.id} if user else {})


class RequestLogMiddleware:
    """ASGI, around all routes."""

    def __init__(self, app: ASGIApp, slow_s: float) -> None:
        """``slow_s``: a request that takes longer is logged; 0: none is."""
        self._app = app
        self._slow_s = slow_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        entry = Entry(scope, send)
        with bound_log_context(entry):
            if tracing.is_on() and not UNTRACED.match(scope["path"]):
                with tracing.request(scope["method"], scope["headers"]) as span:
                    try:
                        await self._answer(entry, receive)
                    finally:
                        _describe(span, entry)
            else:
                await self._answer(entry, receive)
        if entry.error is not None:
            raise entry.error

    async def _answer(self, entry: Entry, receive: Receive) -> None:
        try:
            await self._app(entry.scope, receive, entry.send)
        except Exception as error:  # the handler for defects stands further out
            entry.error = error
            entry.status = entry.status or 500
        if entry.status >= 500:
            _tell_failure(entry)
        elif self._slow_s and entry.elapsed_s > self._slow_s:
            _tell(entry, "request_slow")


def refused(scope: Scope, error: RaylensError) -> None:
    """Write down what was refused before it came so far."""
    entry = Entry(scope, _unused)
    entry.status, entry.error = error.status, error
    with bound_log_context(entry):
        if tracing.is_on():
            with tracing.request(scope["method"], scope["headers"]) as span:
                _describe(span, entry)
        _tell_failure(entry)


def image_failed(index: int, error: RaylensError) -> None:
    """Write down that one of several images failed by no fault of the client's; the request itself did not."""
    if error.status >= 500 and (left_out := _limit.take(error.code)) is not None:
        log.warning("image_failed", image=index, status=error.status, code=error.code, **_others(left_out))


def _tell_failure(entry: Entry) -> None:
    if entry.status == 500:
        _tell(entry, "request_failed", exc_info=entry.error or entry.scope.get(SCOPE_ERROR))
    else:
        _tell(entry, "request_failed")


def _tell(entry: Entry, event: str, exc_info: BaseException | None = None) -> None:
    kind = entry.code or event
    if (left_out := _limit.take(kind)) is None:
        return
    fields = {
        "method": entry.scope["method"],
        "path": entry.scope["path"][:LONGEST_PATH],
        "status": entry.status,
        **({"code": entry.code} if entry.code else {}),
        "duration_ms": round(entry.elapsed_s * 1e3, 1),
        **_others(left_out),
    }
    if exc_info:
        log.error(event, exc_info=exc_info, **fields)
    else:
        log.warning(event, **fields)


def _others(left_out: int) -> dict[str, int]:
    return {"others_left_out": left_out} if left_out else {}


def _describe(span: tracing.Span, entry: Entry) -> None:
    if not span:
        return
    method = entry.scope["method"] if entry.scope["method"] in METHODS else "_OTHER"
    span.rename(f"{method} {entry.route}".strip())
    span.set(
        {
            "http.request.method": method,
            **({"http.route": entry.route} if entry.route else {}),
            **({"http.response.status_code": int(entry.status)} if entry.status else {}),
            "raylens.request_id": entry.request_id,
            "raylens.user.kind": _kind(entry.principal),
        }
    )
    if entry.status >= 500:
        span.fail(entry.code or str(entry.status))
    elif entry.code:
        span.set({"error.type": entry.code})


def _kind(principal: Principal | None) -> str:
    if principal is None:
        return "anonymous"
    return principal.kind if principal.user else "application"


async def _unused(_message: Message) -> None:
    """Nothing is sent through an entry that was refused."""
