"""What a recorder of traces offers. Implemented by silence (``silence``) and by OpenTelemetry (``recorder``)."""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

from serve_app.request_context import BatchContext, RequestContext

Attributes = Mapping[str, str | int | float | bool]
"""Never names, addresses, queries or secrets: spans are read by more people than the database."""

Headers = Iterable[tuple[bytes, bytes]]
"""As ASGI has them: names in lower case."""


class Entered(Protocol):
    """Ends when it is left, and tells of an exception that passed."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Span(Entered, Protocol):
    """A stretch of time with a name. Current while entered. False where nobody will see it."""

    def __bool__(self) -> bool: ...

    def rename(self, name: str) -> None: ...

    def set(self, attributes: Attributes) -> None: ...

    def fail(self, code: str) -> None:
        """It came to no good end; ``code`` as the client is told."""

    def end(self) -> None:
        """Over; a second time changes nothing."""


class Batch(Entered, Protocol):
    """Images that go down the graph as one call."""

    @property
    def context(self) -> BatchContext:
        """To send along with them."""

    def answered(self, answers: Sequence[object]) -> None:
        """One outcome an image, in order; a RaylensError is a failure."""


class Stage(Entered, Protocol):
    """The time of a batch in one stage: a span in its own trace and one in that of each request."""

    def set(self, attributes: Attributes) -> None: ...

    def part(self, name: str, started_at: float, ended_at: float, attributes: Attributes) -> None:
        """Something within the stage that is over by now, Unix seconds."""

    def image(self, index: int, name: str) -> Span:
        """Something done for one image alone, told in its request's trace. From any thread."""


class Recorder(Protocol):
    """See the functions of the same names in ``serve_app.observability.tracing``."""

    def request(self, method: str, headers: Headers) -> Span: ...

    def span(self, name: str) -> Span: ...

    def child(self, traceparent: str, name: str) -> Span: ...

    def link(self, traceparent: str) -> None: ...

    def batch(self, model: str, origins: Sequence[RequestContext]) -> Batch: ...

    def stage(self, context: BatchContext, name: str, attributes: Attributes) -> Stage: ...

    def traceparent(self) -> str: ...

    def ids(self) -> dict[str, str]: ...

    def close(self) -> None: ...
