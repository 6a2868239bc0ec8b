"""The recorder of a service that is not traced."""

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from serve_app.observability.tracing.spans import Attributes, Batch, Headers, Recorder, Span, Stage
from serve_app.request_context import BatchContext, RequestContext


class _Silent:
    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def set(self, attributes: Attributes) -> None:
        pass


class _NoSpan(_Silent):
    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def rename(self, name: str) -> None:
        pass

    def fail(self, code: str) -> None:
        pass

    def end(self) -> None:
        pass


class _NoStage(_Silent):
    __slots__ = ()

    def part(self, name: str, started_at: float, ended_at: float, attributes: Attributes) -> None:
        pass

    def image(self, index: int, name: str) -> Span:
        return NO_SPAN


class NoBatch(_Silent):
    """Carries whose images they are, for the log."""

    __slots__ = ("context",)

    def __init__(self, origins: Sequence[RequestContext]) -> None:
        self.context = BatchContext(tuple(origins))

    def answered(self, answers: Sequence[object]) -> None:
        pass


NO_SPAN: Final[Span] = _NoSpan()
NO_STAGE: Final[Stage] = _NoStage()


class _NoRecorder:
    def request(self, method: str, headers: Headers) -> Span:
        return NO_SPAN

    def span(self, name: str) -> Span:
        return NO_SPAN

    def child(self, traceparent: str, name: str) -> Span:
        return NO_SPAN

    def link(self, traceparent: str) -> None:
        pass

    def batch(self, model: str, origins: Sequence[RequestContext]) -> Batch:
        return NoBatch(origins)

    def stage(self, context: BatchContext, name: str, attributes: Attributes) -> Stage:
        return NO_STAGE

    def traceparent(self) -> str:
        return ""

    def ids(self) -> dict[str, str]:
        return {}

    def close(self) -> None:
        pass


NO_RECORDER: Final[Recorder] = _NoRecorder()
