from collections.abc import AsyncIterator

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from serve_app.observability import tracing
from serve_app.observability.tracing.export import providers
from serve_app.observability.tracing.tracer import Tracer
from tests.ingress.graph import Graph
from tests.observability.tracing.traces import Traces


@pytest.fixture
async def traces(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Traces]:
    """The recorded spans of the pipeline, all in this process; sampled by the client's ``traceparent``."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    memory = InMemorySpanExporter()
    tracing.use(Tracer(*providers(Resource({}), SimpleSpanProcessor(memory))))
    yield Traces(graph, memory)
    tracing.stop()
