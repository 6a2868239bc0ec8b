from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from serve_app.observability import tracing
from serve_app.observability.tracing.export import providers
from serve_app.observability.tracing.recorder import OtelRecorder
from tests.ingress.graph import Graph, running
from tests.observability.tracing.traces import Traces


@pytest.fixture
async def graph(tmp_path: Path) -> AsyncIterator[Graph]:
    async with running(tmp_path, fetch_allowed_networks="127.0.0.1/32") as graph:
        yield graph


@pytest.fixture
async def traces(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Traces]:
    """What is recorded of the graph, whose processes are all this one; sampled as the client's ``traceparent`` says."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    memory = InMemorySpanExporter()
    tracing.use(OtelRecorder(*providers(Resource({}), SimpleSpanProcessor(memory))))
    yield Traces(graph, memory)
    tracing.stop()
