"""Tracing: where a request spends its time, across all processes. Off unless RAYLENS_TRACING is set.

While tracing is off, the functions return shared objects that do nothing. OpenTelemetry's exporter and the modules that
use OpenTelemetry are imported by :func:`start`.

A request is one trace. A batch carries many requests, so it has a trace of its own with a link to each request. The
spans of a batch are recorded in its own trace and in the trace of each request.
"""

import os
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from serve_app.observability.tracing.spans import NO_SPAN, NO_STAGE, Attributes, BatchSpan, Span, StageSpan
from serve_app.request_context import BatchContext, RequestContext

if TYPE_CHECKING:
    from serve_app.observability.tracing.tracer import Tracer

__all__ = [
    "NO_SPAN",
    "BatchSpan",
    "Span",
    "StageSpan",
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

_EXPORTER = "opentelemetry.exporter.otlp.proto.http"

_tracer: "Tracer | None" = None


class TracingUnavailable(Exception):
    """Tracing is enabled but cannot work; the message says what to do."""


def check() -> None:
    """Raises TracingUnavailable if the exporter is not installed or the environment asks for another protocol."""
    try:
        found = find_spec(_EXPORTER)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise TracingUnavailable(
            "RAYLENS_TRACING is set but the exporter is not installed: run pip install raylens[tracing]"
        )
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if os.environ.get(name, "http/protobuf") != "http/protobuf":
            raise TracingUnavailable(f"{name}: only http/protobuf is supported; unset the variable.")


def start(deployment: str) -> None:
    """Export the spans of this process as those of ``deployment``. Once per process. Raises TracingUnavailable."""
    check()
    from serve_app.observability.tracing.export import exporting_providers  # noqa: PLC0415 - slow to import
    from serve_app.observability.tracing.tracer import Tracer  # noqa: PLC0415

    use(Tracer(*exporting_providers(deployment)))


def use(tracer: "Tracer | None") -> None:
    """Record with this tracer from now on; None switches tracing off."""
    global _tracer  # noqa: PLW0603 - one per process, like the log
    _tracer = tracer


def stop() -> None:
    """Export the remaining spans and switch tracing off."""
    tracer = _tracer
    use(None)
    if tracer is not None:
        tracer.close()


def is_on() -> bool:
    return _tracer is not None


def request(method: str, headers: Iterable[tuple[bytes, bytes]]) -> Span:
    """The span of an HTTP request. ``headers``: ASGI's; the client's ``traceparent`` becomes the parent."""
    return NO_SPAN if _tracer is None else _tracer.request(method, headers)


def span(name: str) -> Span:
    """A child of the current span; current itself while entered."""
    return NO_SPAN if _tracer is None else _tracer.span(name)


def child(traceparent: str, name: str) -> Span:
    """A child of a span given by its W3C context, started now; the caller ends it."""
    return NO_SPAN if _tracer is None else _tracer.child(traceparent, name)


def link(traceparent: str) -> None:
    """Link the current span to a span of another trace."""
    if _tracer is not None:
        _tracer.link(traceparent)


def batch(model: str, requests: Sequence[RequestContext]) -> BatchSpan:
    """The spans of a batch in the pipeline, for use as a context manager."""
    return BatchSpan(requests) if _tracer is None else _tracer.batch(model, requests)


def stage(context: BatchContext, name: str, attributes: Attributes | None = None) -> StageSpan:
    """The spans of a batch in one stage, for use as a context manager."""
    return NO_STAGE if _tracer is None else _tracer.stage(context, name, attributes or {})


def traceparent() -> str:
    """W3C context of the current span, sampled or not; empty while tracing is off."""
    return "" if _tracer is None else _tracer.traceparent()


def ids() -> dict[str, str]:
    """``trace_id`` and ``span_id`` of the current span in hex; empty if there is none."""
    return {} if _tracer is None else _tracer.ids()
