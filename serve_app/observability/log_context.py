"""On whose behalf the code runs just now: every log line says so, without being told.

Kept in a context variable, so it follows tasks; work on a thread of one's own has to be given it.
"""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Protocol

from structlog.typing import EventDict, WrappedLogger

from serve_app.observability import tracing


class Behalf(Protocol):
    """A request, an image of one, or a batch of them."""

    def log_fields(self) -> Mapping[str, Any]:
        """Asked only when there is a line to write."""


_behalf: ContextVar[Behalf | None] = ContextVar("behalf", default=None)


class bound_log_context:  # noqa: N801 - reads as the function it would be, were generators as quick
    """Context manager: what is logged inside is logged for these."""

    __slots__ = ("_behalf", "_token")

    def __init__(self, behalf: Behalf) -> None:
        self._behalf = behalf

    def __enter__(self) -> None:
        self._token: Token[Behalf | None] = _behalf.set(self._behalf)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _behalf.reset(self._token)


def add_behalf(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A processor of structlog: the fields of whom the line is written for, and the place in their trace."""
    fields = {**tracing.ids(), **(behalf.log_fields() if (behalf := _behalf.get()) else {})}
    for name, value in fields.items():
        event.setdefault(name, value)
    return event
