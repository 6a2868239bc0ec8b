"""Traces: where the time of a request went, in every process it passed. Off unless RAYLENS_TRACING is set.

The service calls the functions here and never needs to know whether anybody listens: while tracing is off they hand
out the same few objects that do nothing. OpenTelemetry is imported by :func:`start` alone.

A request is one trace. A batch carries many requests, so it is a trace of its own, with a link to each of them; what
happens to the batch is told twice, in its own trace and in that of each request.
"""

import os
from collections.abc import Sequence
from importlib.util import find_spec

from serve_app.observability.tracing.silence import NO_RECORDER, NO_SPAN
from serve_app.observability.tracing.spans import Attributes, Batch, Headers, Recorder, Span, Stage
from serve_app.request_context import BatchContext, RequestContext

__all__ = [
    "NO_SPAN",
    "Batch",
    "Span",
    "Stage",
    "TracingUnavailable",
    "batch",
    "check",
    "child",
    "ids",
    "is_on",
    "link",
    "request",
    "span",
    "stage",
    "start",
    "stop",
    "traceparent",
]

EXPORTER = "opentelemetry.exporter.otlp.proto.http"

_recorder: Recorder = NO_RECORDER


class TracingUnavailable(Exception):
    """Tracing is on and cannot work; the message says what to do."""


def check() -> None:
    """Raises TracingUnavailable where the exporter is missing or the environment asks for another one."""
    try:
        found = find_spec(EXPORTER)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise TracingUnavailable("RAYLENS_TRACING is on, but the exporter is missing: pip install raylens[tracing]")
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if os.environ.get(name, "http/protobuf") != "http/protobuf":
            raise TracingUnavailable(f"{name}: traces go out by http/protobuf only; unset it.")


def start(deployment: str) -> None:
    """Send the spans of this process as those of ``deployment``. Once a process. Raises TracingUnavailable."""
    check()
    from serve_app.observability.tracing.export import exporting  # noqa: PLC0415 - a quarter of a second, for who traces
    from serve_app.observability.tracing.recorder import OtelRecorder  # noqa: PLC0415

    use(OtelRecorder(*exporting(deployment)))


def use(recorder: Recorder) -> None:
    """Let this one record from now on."""
    global _recorder  # noqa: PLW0603 - one a process, like the log
    _recorder = recorder


def stop() -> None:
    """Send what is left, and record nothing more."""
    recorder = _recorder
    use(NO_RECORDER)
    recorder.close()


def is_on() -> bool:
    return _recorder is not NO_RECORDER


def request(method: str, headers: Headers) -> Span:
    """The span of an HTTP request, with the client's trace as parent where its ``traceparent`` names one."""
    return _recorder.request(method, headers)


def span(name: str) -> Span:
    """A part of the span that is current here; current itself while entered."""
    return _recorder.span(name)


def child(traceparent: str, name: str) -> Span:
    """A part of a span of elsewhere, begun now; whoever holds it ends it."""
    return _recorder.child(traceparent, name)


def link(traceparent: str) -> None:
    """Point from the span that is current here to one of another trace."""
    _recorder.link(traceparent)


def batch(model: str, origins: Sequence[RequestContext]) -> Batch:
    """The spans of a batch on its way down the graph, while entered."""
    return _recorder.batch(model, origins)


def stage(context: BatchContext, name: str, attributes: Attributes | None = None) -> Stage:
    """The spans of a batch's time in one stage, while entered."""
    return _recorder.stage(context, name, attributes or {})


def traceparent() -> str:
    """W3C context of the span that is current here, sampled or not; empty while tracing is off."""
    return _recorder.traceparent()


def ids() -> dict[str, str]:
    """``trace_id`` and ``span_id`` of the span that is current here, in hex; empty where there is none."""
    return _recorder.ids()
