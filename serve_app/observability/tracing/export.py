"""Export of spans by OTLP over HTTP, configured by OpenTelemetry's environment variables, without delaying requests."""

import logging
import os
import socket
from collections.abc import Sequence
from typing import Final

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_BSP_SCHEDULE_DELAY, OTEL_SERVICE_NAME
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from serve_app import VERSION

log = structlog.get_logger(__name__)

_SCHEDULE_DELAY_MS: Final = 1000.0
"""Short, because spans that a replica has not exported when it ends are lost."""

_NOISY_LOGGERS: Final = ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk._shared_internal")
"""Without a collector these log every attempt, and every span beyond the 2,048 that are queued."""


class LoggingExporter(SpanExporter):
    """Logs once when exports begin to fail and once when they succeed again. Called from one thread."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        outcome = self._exporter.export(spans)
        if outcome is not SpanExportResult.SUCCESS:
            if not self._lost:
                log.warning("trace_export_failed", reason="the collector did not accept the spans", spans=len(spans))
            self._lost += len(spans)
        elif self._lost:
            log.info("trace_export_recovered", lost=self._lost)
            self._lost = 0
        return outcome

    def shutdown(self) -> None:
        self._exporter.shutdown()


def exporting_providers(deployment: str) -> tuple[TracerProvider, TracerProvider]:
    """A provider with the configured sampler and a provider that records everything; both share an exporter."""
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).disabled = True
    delay_ms = None if os.environ.get(OTEL_BSP_SCHEDULE_DELAY) else _SCHEDULE_DELAY_MS
    processor = BatchSpanProcessor(LoggingExporter(OTLPSpanExporter()), schedule_delay_millis=delay_ms)
    return providers(resource_of(deployment), processor)


def providers(resource: Resource, processor: SpanProcessor) -> tuple[TracerProvider, TracerProvider]:
    """A provider with the configured sampler and a provider that records everything."""

    def provider(sampler: Sampler | None) -> TracerProvider:
        made = TracerProvider(sampler, resource, shutdown_on_exit=False)
        made.add_span_processor(processor)
        return made

    return provider(None), provider(ALWAYS_ON)


def resource_of(deployment: str) -> Resource:
    """Each deployment is a service in the trace viewer, each replica an instance of it."""
    name = os.environ.get(OTEL_SERVICE_NAME) or "raylens"
    return Resource.create(
        {
            "service.name": f"{name}-{deployment.lower()}",
            "service.namespace": name,
            "service.version": VERSION,
            "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        }
    )
