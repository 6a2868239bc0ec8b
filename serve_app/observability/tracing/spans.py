"""Spans that do nothing: what the tracing functions return while tracing is off or a request is not sampled.

They are the base classes of the spans in ``tracer``, which record through OpenTelemetry.
"""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from serve_app.request_context import BatchContext, RequestContext

Attributes = Mapping[str, str | int | float | bool]
"""Never names, addresses, queries or secrets: more people can read traces than the database."""


class _EndsOnExit:
    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the span. An exception marks it as failed and propagates."""


class Span(_EndsOnExit):
    """A named operation with a start and an end. Current while entered. False if it is not recorded."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def rename(self, name: str) -> None:
        pass

    def set(self, attributes: Attributes) -> None:
        pass

    def fail(self, code: str) -> None:
        """Marks the span as failed with an error code of the API."""

    def end(self) -> None:
        """Ends the span. Further calls have no effect."""


class BatchSpan(_EndsOnExit):
    """The spans of a batch on its way through the pipeline; ``context`` is sent along with the batch."""

    __slots__ = ("context",)

    def __init__(self, requests: Sequence[RequestContext]) -> None:
        self.context = BatchContext(tuple(requests))

    def answered(self, answers: Sequence[object]) -> None:
        """One result per image, in order; a RaylensError marks the image's span as failed."""


class StageSpan(_EndsOnExit):
    """The spans of a batch in one stage: one in the trace of the batch and one in the trace of each request."""

    __slots__ = ()

    def set(self, attributes: Attributes) -> None:
        pass

    def add_child(self, name: str, started_at: float, ended_at: float, attributes: Attributes) -> None:
        """Adds a completed child span; times in Unix seconds."""

    def image(self, index: int, name: str) -> Span:
        """A child span for one image, in the trace of its request. Callable from any thread."""
        return NO_SPAN


NO_SPAN: Final = Span()
NO_STAGE: Final = StageSpan()
