"""Recording of spans with OpenTelemetry."""

from collections.abc import Iterable, Sequence
from contextvars import Token
from types import TracebackType
from typing import Self

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from serve_app.errors import RaylensError
from serve_app.observability.tracing.spans import NO_SPAN, NO_STAGE, Attributes, BatchSpan, Span, StageSpan
from serve_app.request_context import BatchContext, RequestContext

_W3C = TraceContextTextMapPropagator()


class _RecordedSpan(Span):
    """A span of the SDK, or only its context if the request is not sampled."""

    __slots__ = ("_token", "span")

    def __init__(self, span: trace.Span) -> None:
        self.span = span
        self._token: Token[Context] | None = None

    @property
    def context(self) -> SpanContext:
        return self.span.get_span_context()

    def __bool__(self) -> bool:
        return self.span.is_recording()

    def __enter__(self) -> Self:
        self._token = attach(trace.set_span_in_context(self.span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self.fail(_code_of(error))
        if self._token is not None:
            detach(self._token)
        self.end()

    def rename(self, name: str) -> None:
        self.span.update_name(name)

    def set(self, attributes: Attributes) -> None:
        self.span.set_attributes(attributes)

    def fail(self, code: str) -> None:
        if not self.span.is_recording():
            return
        # Only the code: error messages may quote user input.
        self.span.set_attribute("error.type", code)
        self.span.set_status(StatusCode.ERROR, code)

    def end(self) -> None:
        if self.span.is_recording():
            self.span.end()


class _RecordedBatch(BatchSpan):
    """A trace for the batch, and a span in the trace of each sampled request."""

    __slots__ = ("_batch", "_images")

    def __init__(self, tracer: trace.Tracer, model: str, requests: Sequence[RequestContext]) -> None:
        about: Attributes = {"raylens.model": model, "raylens.batch.images": len(requests)}
        self._batch = _RecordedSpan(tracer.start_span("batch", Context(), attributes=about))
        link = [Link(self._batch.context)]
        self._images: list[Span] = []
        traced = []
        for request in requests:
            parent = _context_of(request.traceparent)
            if not parent.trace_flags.sampled:
                self._images.append(NO_SPAN)
                traced.append(request)
                continue
            image = _RecordedSpan(tracer.start_span("batch", _context_with(parent), attributes=about, links=link))
            self._batch.span.add_link(image.context)
            self._images.append(image)
            traced.append(RequestContext(request.request_id, _traceparent_of(image.context)))
        self.context = BatchContext(tuple(traced), _traceparent_of(self._batch.context))

    def answered(self, answers: Sequence[object]) -> None:
        for image, answer in zip(self._images, answers, strict=True):
            if isinstance(answer, RaylensError):
                image.fail(answer.code)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for span in (self._batch, *self._images):
            if error is not None:
                span.fail(_code_of(error))
            span.end()


class _RecordedStage(StageSpan):
    """Current is the span of the request if there is only one, otherwise that of the batch, as log lines show."""

    __slots__ = ("_batch", "_current", "_images", "_spans", "_tracer")

    def __init__(self, tracer: trace.Tracer, context: BatchContext, name: str, attributes: Attributes) -> None:
        self._tracer = tracer
        self._batch = self._start(context.traceparent, name, attributes)
        self._images = [self._start(request.traceparent, name, attributes) for request in context.requests]
        self._spans = list(filter(None, [self._batch, *self._images]))
        self._current = self._images[0] if len(self._images) == 1 else self._batch

    def _start(self, traceparent: str, name: str, attributes: Attributes) -> _RecordedSpan:
        parent = _context_of(traceparent)
        if not parent.trace_flags.sampled:
            return _RecordedSpan(trace.NonRecordingSpan(parent))
        return _RecordedSpan(self._tracer.start_span(name, _context_with(parent), attributes=attributes))

    def __enter__(self) -> Self:
        self._current.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._current.__exit__(kind, error, traceback)
        for span in self._spans:
            if error is not None:
                span.fail(_code_of(error))
            span.end()

    def set(self, attributes: Attributes) -> None:
        for span in self._spans:
            span.set(attributes)

    def add_child(self, name: str, started_at: float, ended_at: float, attributes: Attributes) -> None:
        for span in self._spans:
            parent = _context_with(span.context)
            child = self._tracer.start_span(name, parent, attributes=attributes, start_time=round(started_at * 1e9))
            child.end(round(ended_at * 1e9))

    def image(self, index: int, name: str) -> Span:
        image = self._images[index]
        return _RecordedSpan(self._tracer.start_span(name, _context_with(image.context))) if image else NO_SPAN


class Tracer:
    """Implements the functions of the same names in ``serve_app.observability.tracing``."""

    def __init__(self, sampled: TracerProvider, always: TracerProvider) -> None:
        """``sampled`` applies the configured sampler to requests, ``always`` records all children of sampled spans."""
        self._providers = (sampled, always)
        self._roots = sampled.get_tracer("raylens")
        self._tracer = always.get_tracer("raylens")

    def request(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> Span:
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name in _PROPAGATED}
        parent = _W3C.extract(carrier, Context())
        return _RecordedSpan(self._roots.start_span(method, parent, SpanKind.SERVER))

    def span(self, name: str) -> Span:
        current = trace.get_current_span()
        return _RecordedSpan(self._tracer.start_span(name)) if current.is_recording() else NO_SPAN

    def child(self, traceparent: str, name: str) -> Span:
        parent = _context_of(traceparent)
        if not parent.trace_flags.sampled:
            return NO_SPAN
        return _RecordedSpan(self._tracer.start_span(name, _context_with(parent)))

    def link(self, traceparent: str) -> None:
        if (context := _context_of(traceparent)).trace_flags.sampled:
            trace.get_current_span().add_link(context)

    def batch(self, model: str, requests: Sequence[RequestContext]) -> BatchSpan:
        if not any(_context_of(request.traceparent).trace_flags.sampled for request in requests):
            return BatchSpan(requests)
        return _RecordedBatch(self._tracer, model, requests)

    def stage(self, context: BatchContext, name: str, attributes: Attributes) -> StageSpan:
        if not context.traceparent and not any(request.traceparent for request in context.requests):
            return NO_STAGE
        return _RecordedStage(self._tracer, context, name, attributes)

    def traceparent(self) -> str:
        return _traceparent_of(trace.get_current_span().get_span_context())

    def ids(self) -> dict[str, str]:
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return {}
        return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}

    def close(self) -> None:
        for provider in self._providers:
            provider.shutdown()


_PROPAGATED = frozenset({b"traceparent", b"tracestate"})


def _context_of(traceparent: str) -> SpanContext:
    """The span context; an invalid one for an empty or malformed ``traceparent``."""
    if not traceparent:
        return trace.INVALID_SPAN_CONTEXT
    return trace.get_current_span(_W3C.extract({"traceparent": traceparent}, Context())).get_span_context()


def _traceparent_of(context: SpanContext) -> str:
    if not context.is_valid:
        return ""
    trace_id, span_id = trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
    return f"00-{trace_id}-{span_id}-{context.trace_flags & 0x01:02x}"


def _context_with(parent: SpanContext) -> Context:
    return trace.set_span_in_context(trace.NonRecordingSpan(parent), Context())


def _code_of(error: BaseException) -> str:
    return error.code if isinstance(error, RaylensError) else type(error).__name__
