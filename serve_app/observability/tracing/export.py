"""Where spans go: by OTLP over HTTP, as OpenTelemetry's own variables say, and never in the way of a request."""

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

DELAY_MS: Final = 1000.0
"""Spans wait at most so long: what a replica has not sent when it ends is lost."""

NOISY: Final = ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk._shared_internal")
"""While a collector is away these would log every attempt, and every span beyond the 2,048 that wait."""


class WatchedExporter(SpanExporter):
    """Says once that the collector is away, and once that it is back. Called from one thread."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        outcome = self._exporter.export(spans)
        if outcome is not SpanExportResult.SUCCESS:
            if not self._lost:
                log.warning("traces_lost", reason="the collector does not take them", spans=len(spans))
            self._lost += len(spans)
        elif self._lost:
            log.info("traces_are_back", lost=self._lost)
            self._lost = 0
        return outcome

    def shutdown(self) -> None:
        self._exporter.shutdown()


def exporting(deployment: str) -> tuple[TracerProvider, TracerProvider]:
    """A provider with the sampler of the environment, and one that records all; both send the same way."""
    for name in NOISY:
        logging.getLogger(name).disabled = True
    delay_ms = None if os.environ.get(OTEL_BSP_SCHEDULE_DELAY) else DELAY_MS
    processor = BatchSpanProcessor(WatchedExporter(OTLPSpanExporter()), schedule_delay_millis=delay_ms)
    return providers(resource_of(deployment), processor)


def providers(resource: Resource, processor: SpanProcessor) -> tuple[TracerProvider, TracerProvider]:
    def provider(sampler: Sampler | None) -> TracerProvider:
        made = TracerProvider(sampler, resource, shutdown_on_exit=False)
        made.add_span_processor(processor)
        return made

    return provider(None), provider(ALWAYS_ON)


def resource_of(deployment: str) -> Resource:
    """Each deployment is a service to those who look at traces, each replica an instance of it."""
    name = os.environ.get(OTEL_SERVICE_NAME) or "raylens"
    return Resource.create(
        {
            "service.name": f"{name}-{deployment.lower()}",
            "service.namespace": name,
            "service.version": VERSION,
            "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        }
    )
