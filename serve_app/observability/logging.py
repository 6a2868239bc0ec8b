"""Logs: one line an event, for people or as JSON, always to standard error."""

import json
import logging
import sys
import threading
from types import TracebackType
from typing import Any, Final

import structlog
from structlog.typing import Processor

from serve_app.observability.log_context import add_behalf
from serve_app.settings import Settings, settings

OURS: Final = ("serve_app", "models", "auth")
OTHERS: Final = ("", "ray", "ray.serve", "ray.data")
"""Loggers of Ray, and the one that all libraries' lines reach."""

RAYS_FIELDS: Final = ("request_id", "route", "application", "deployment", "replica")
"""What Ray Serve knows of the request that one of its lines is about."""


def configure_logging(settings: Settings) -> None:
    """Set structlog and the standard library's loggers of ours up alike. May be called again."""
    structlog.configure(
        processors=[*_processors(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _handler(_formatter(settings.log_format))
    for name in OURS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(settings.log_level)
        logger.propagate = False


def take_over_stderr() -> None:
    """From now on every line that this process's Python writes to standard error as a log is JSON.

    That is Ray's loggers and every library's, warnings, and exceptions that nobody catches. Ray writes its lines as
    text there whatever its own ``encoding`` says; its files are left as they are.
    """
    formatter = _formatter("json")
    for name in OTHERS:
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
                handler.setFormatter(formatter)
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(_handler(formatter))
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def begin_in_ray() -> None:
    """Called by Ray Serve in processes of its own, its controller and its proxies: they log as the replicas do."""
    configure_logging(settings())
    if settings().log_format == "json":
        take_over_stderr()


def _processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        add_behalf,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]


def _formatter(log_format: str) -> logging.Formatter:
    renderer: Processor = (
        structlog.processors.JSONRenderer(serializer=to_json)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(allow=RAYS_FIELDS), *_processors()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def _handler(formatter: logging.Formatter) -> logging.Handler:
    # Ray Serve puts a log file of its own in place of sys.stderr.
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(formatter)
    return handler


def to_json(event: dict[str, Any], **options: Any) -> str:  # noqa: ANN401 - what json.dumps takes
    """One line of strict JSON, whatever is in the event."""
    try:
        return json.dumps(event, allow_nan=False, **options)
    except (TypeError, ValueError):  # NaN, a key that is no string, something within itself
        return json.dumps({str(name): _plain(value) for name, value in event.items()})


def _plain(value: object) -> str | int | bool | None:
    return value if isinstance(value, str | int | bool | None) else repr(value)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("uncaught").critical("uncaught_exception", exc_info=(kind, error, trace))


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None and not isinstance(told.exc_value, SystemExit):
        _uncaught(told.exc_type, told.exc_value, told.exc_traceback)
