"""Logging and tracing of a replica."""

from serve_app.observability import tracing
from serve_app.observability.logging import configure_logging, take_over_stderr
from serve_app.settings import Settings


def start_telemetry(settings: Settings, deployment: str) -> None:
    """Configure logging and tracing; every replica calls it first. Raises TracingUnavailable."""
    configure_logging(settings)
    if settings.log_format == "json":
        take_over_stderr()
    if settings.tracing:
        tracing.start(deployment)
