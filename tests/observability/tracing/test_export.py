"""Export of spans: configured by the environment, and harmless without a working collector."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from structlog.testing import capture_logs

from serve_app.observability import tracing
from serve_app.observability.tracing.export import resource_of
from tests.observability.tracing.collector import Collector
from tests.observability.tracing.traces import traceparent
from tests.servers.process import free_port


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    tracing.stop()
    collector.stop()


def started(monkeypatch: pytest.MonkeyPatch, url: str, **variables: str) -> None:
    for name, value in {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "50", **variables}.items():
        monkeypatch.setenv(name, value)
    tracing.start("Ingress")


def record(number: int = 1) -> None:
    with tracing.request("GET", [(b"traceparent", traceparent(number).encode())]), tracing.span("part"):
        pass


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_spans_arrive_with_the_name_of_their_service(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, compression: str
):
    started(monkeypatch, collector.url, OTEL_EXPORTER_OTLP_COMPRESSION=compression)
    record()
    spans = {span.name: span for span in collector.of(f"{1:032x}", lambda spans: len(spans) == 2)}
    assert {span.service for span in spans.values()} == {"raylens-ingress"}
    assert spans["part"].parent == spans["GET"].id


def test_a_stalled_collector_delays_no_request(collector: Collector, monkeypatch: pytest.MonkeyPatch):
    """And its failure is logged once."""
    collector.gate.clear()
    collector.status = 400  # the exporter does not retry
    with capture_logs() as lines:
        started(monkeypatch, collector.url, OTEL_BSP_MAX_QUEUE_SIZE="64", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="16")
        for number in range(1, 500):
            record(number)
        assert (collector.attempts <= 1, lines) == (True, []), "recording does not wait for the first export"
        collector.gate.set()
        wait_for(lambda: collector.attempts > 3 and len(lines) > 0)
        collector.status = 200
        record()
        wait_for(lambda: len(lines) > 1)
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("trace_export_failed", "warning"),
        ("trace_export_recovered", "info"),
    ]
    assert 16 <= lines[1]["lost"] <= 64 + 16, "spans that do not fit the queue are dropped"


def test_an_unreachable_collector_is_logged_once(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    with capture_logs() as lines:
        started(monkeypatch, f"http://127.0.0.1:{free_port()}", OTEL_EXPORTER_OTLP_TIMEOUT="0.2")
        record()
        wait_for(lambda: bool(lines))
        record()
        tracing.stop()
    assert [line["event"] for line in lines] == ["trace_export_failed"]
    assert capfd.readouterr().err == ""


def wait_for(condition: object) -> None:
    deadline = time.monotonic() + 15
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_service_name_is_configurable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "photos")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    attributes = resource_of("Classifier").attributes
    assert attributes["service.name"] == "photos-classifier"
    assert attributes["service.namespace"] == "photos"
    assert attributes["deployment.environment.name"] == "test"
    assert str(os.getpid()) in str(attributes["service.instance.id"])


def test_an_unsupported_protocol_prevents_the_start(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(tracing.TracingUnavailable, match="OTEL_EXPORTER_OTLP_PROTOCOL"):
        tracing.check()


def test_a_missing_exporter_prevents_the_start(tmp_path: Path):
    """The one line of output names the command that installs it."""
    program = (
        "import sys\n"
        "sys.modules['opentelemetry.exporter.otlp'] = None\n"
        "sys.argv = ['raylens', 'serve']\n"
        "from serve_app.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": "/usr/bin:/bin", "RAYLENS_DATA_DIR": str(tmp_path), "RAYLENS_TRACING": "true", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert "pip install raylens[tracing]" in line
    assert list(tmp_path.iterdir()) == [], "nothing was started"


@pytest.mark.parametrize(
    ("module", "unexpected"),
    [
        ("serve_app.stages.classifier", "opentelemetry"),
        # FastAPI and Ray Serve import OpenTelemetry's API and SDK themselves.
        ("serve_app.deployments.ingress", "opentelemetry.exporter"),
    ],
)
def test_without_tracing_raylens_imports_no_opentelemetry(module: str, unexpected: str):
    tracer = "serve_app.observability.tracing.tracer"
    program = f"import sys, {module}; sys.exit(any(name in sys.modules for name in ({unexpected!r}, {tracer!r})))"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


def test_the_outcome_of_an_export_is_returned(collector: Collector, monkeypatch: pytest.MonkeyPatch):
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    from serve_app.observability.tracing.export import LoggingExporter

    exporter = LoggingExporter(OTLPSpanExporter(endpoint=f"{collector.url}/v1/traces"))
    assert exporter.export([]) is SpanExportResult.SUCCESS
    exporter.shutdown()
