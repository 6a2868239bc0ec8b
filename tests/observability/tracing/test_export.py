"""Spans on their way out: as the environment says, and without harm where nobody takes them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from structlog.testing import capture_logs

from serve_app.cluster.ray_cluster import free_port
from serve_app.observability import tracing
from serve_app.observability.tracing.export import resource_of
from tests.observability.tracing.collector import Collector
from tests.observability.tracing.traces import traceparent


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


def test_a_collector_that_is_away_is_told_of_once(collector: Collector, monkeypatch: pytest.MonkeyPatch):
    collector.is_away = True
    with capture_logs() as lines:
        started(monkeypatch, collector.url, OTEL_EXPORTER_OTLP_TIMEOUT="0.3", OTEL_BSP_MAX_QUEUE_SIZE="64",
                OTEL_BSP_MAX_EXPORT_BATCH_SIZE="16")  # fmt: skip
        began = time.monotonic()
        for number in range(1, 2000):
            record(number)
        assert time.monotonic() - began < 15, "who waited for the collector would take 37 s"
        wait_for(lambda: [line["event"] for line in lines] == ["traces_lost"] and collector.attempts > 3)
        collector.is_away = False
        wait_for(lambda: len(lines) == 2)
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("traces_lost", "warning"),
        ("traces_are_back", "info"),
    ]
    assert 16 <= lines[1]["lost"] < 1000, "what does not fit the queue is dropped, not kept"


def test_nobody_listens_on_the_port(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    with capture_logs() as lines:
        started(monkeypatch, f"http://127.0.0.1:{free_port()}", OTEL_EXPORTER_OTLP_TIMEOUT="0.2")
        record()
        wait_for(lambda: bool(lines))
        record()
        tracing.stop()
    assert [line["event"] for line in lines] == ["traces_lost"]
    assert capfd.readouterr().err == ""


def wait_for(condition: object) -> None:
    give_up_at = time.monotonic() + 15
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def test_a_service_of_another_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "photos")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    attributes = resource_of("Classifier").attributes
    assert attributes["service.name"] == "photos-classifier"
    assert attributes["service.namespace"] == "photos"
    assert attributes["deployment.environment.name"] == "test"
    assert str(os.getpid()) in str(attributes["service.instance.id"])


def test_another_protocol_stops_the_start(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(tracing.TracingUnavailable, match="OTEL_EXPORTER_OTLP_PROTOCOL"):
        tracing.check()


def test_a_missing_extra_stops_the_start_with_the_command_that_helps(tmp_path: Path):
    """In a process whose OpenTelemetry has no exporter."""
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
    assert list(tmp_path.iterdir()) == [], "nothing was begun"


def test_off_no_opentelemetry_is_imported():
    program = "import sys, serve_app.stages.classifier; sys.exit('opentelemetry' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


def test_the_outcome_of_an_export_is_handed_on(collector: Collector, monkeypatch: pytest.MonkeyPatch):
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    from serve_app.observability.tracing.export import WatchedExporter

    exporter = WatchedExporter(OTLPSpanExporter(endpoint=f"{collector.url}/v1/traces"))
    assert exporter.export([]) is SpanExportResult.SUCCESS
    exporter.shutdown()
