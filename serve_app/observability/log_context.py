"""Log context: the request or batch that the current code works for, added to every log line.

Kept in a context variable, so asyncio tasks inherit it; other threads need it passed explicitly.
"""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Protocol

from structlog.typing import EventDict, WrappedLogger

from serve_app.observability import tracing


class LogContext(Protocol):
    """A request, an image of a request, or a batch of images."""

    def log_fields(self) -> Mapping[str, Any]:
        """Called only when a line is written."""


_log_context: ContextVar[LogContext | None] = ContextVar("log_context", default=None)


class bound_log_context:  # noqa: N801 - used like a function; a generator would be slower
    """Context manager: log lines inside carry the fields of ``context``."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: LogContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token: Token[LogContext | None] = _log_context.set(self._context)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _log_context.reset(self._token)


def add_log_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Structlog processor: adds the fields of the context and the ids of the current span."""
    fields = {**tracing.ids(), **(context.log_fields() if (context := _log_context.get()) else {})}
    for name, value in fields.items():
        event.setdefault(name, value)
    return event
