"""One real service for all tests in this folder, with real Ray, HAProxy and weights."""

from collections.abc import Iterator

import httpx
import pytest

from tests.browser import browser, browser_errors, page
from tests.observability.tracing.collector import Collector
from tests.service import Service

__all__ = ["browser", "browser_errors", "page"]


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Receives the traces of the service."""
    collector = Collector()
    yield collector
    collector.stop()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Service]:
    service = Service(
        tmp_path_factory.mktemp("e2e"),
        RAYLENS_FETCH_ALLOWED_NETWORKS="127.0.0.0/8",
        RAYLENS_LOG_FORMAT="json",
        # Ray reports metrics every 10 s by default, and a gauge only if it was set since the last report.
        RAY_metrics_report_interval_ms="2000",
        RAY_SERVE_STATUS_GAUGE_REPORT_INTERVAL_S="0.5",
        RAYLENS_TRACING="true",
        # Trace only requests whose client asks for it.
        OTEL_TRACES_SAMPLER="parentbased_always_off",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
        OTEL_BSP_SCHEDULE_DELAY="200",
    )
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def client(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client
