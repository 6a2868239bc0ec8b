"""The first thing every replica does: set up how it is watched from outside, by its log and its traces."""

from serve_app.observability import tracing
from serve_app.observability.logging import configure_logging, take_over_stderr
from serve_app.settings import Settings


def begin(settings: Settings, deployment: str) -> None:
    """Raises TracingUnavailable."""
    configure_logging(settings)
    if settings.log_format == "json":
        take_over_stderr()
    if settings.tracing:
        tracing.start(deployment)
