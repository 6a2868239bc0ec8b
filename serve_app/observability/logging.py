"""Logging: one line per event, as text or JSON, to standard error."""

import json
import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any, Final

import structlog
from structlog.typing import ExcInfo, Processor

from serve_app.observability.log_context import add_log_context
from serve_app.observability.standard_error import StandardError
from serve_app.settings import Settings, settings

_RAYLENS_LOGGERS: Final = ("serve_app", "models", "auth")
_OTHER_LOGGERS: Final = ("", "ray", "ray.serve", "ray.data")
"""The root logger, which receives the lines of all libraries, and Ray's loggers."""

_RAY_SERVE_FIELDS: Final = ("request_id", "route", "application", "deployment", "replica")
"""Fields that Ray Serve adds to its log records."""


def configure_logging(settings: Settings) -> None:
    """Configure structlog and the standard library's loggers of Raylens alike. May be called again."""
    structlog.configure(
        processors=[*_processors(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _handler(_formatter(settings.log_format))
    for name in _RAYLENS_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(settings.log_level)
        logger.propagate = False


def take_over_stderr() -> None:
    """Write all log lines of this Python process to standard error as JSON.

    This includes Ray's and all libraries' loggers, warnings, and uncaught exceptions. Ray writes text to standard error
    whatever its own ``encoding`` setting says. Ray's log files are not changed.
    """
    formatter = _formatter("json")
    for name in _OTHER_LOGGERS:
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
                handler.setFormatter(formatter)
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(_handler(formatter))
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def configure_ray_process_logging() -> None:
    """Called by Ray Serve in its controller and proxies, so that they log like the replicas."""
    configure_logging(settings())
    if settings().log_format == "json":
        take_over_stderr()


def _processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        add_log_context,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_traceback),
    ]


def _traceback(exc_info: ExcInfo) -> str:
    """Formatted without ``print``, which Ray Serve replaces in replicas with one that writes tuples."""
    return "".join(traceback.format_exception(*exc_info)).rstrip("\n")


def _formatter(log_format: str) -> logging.Formatter:
    renderer: Processor = (
        structlog.processors.JSONRenderer(serializer=to_json)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(allow=_RAY_SERVE_FIELDS), *_processors()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def _handler(formatter: logging.Formatter) -> logging.Handler:
    handler = logging.StreamHandler(StandardError())  # Ray Serve replaces sys.stderr with a log file
    handler.setFormatter(formatter)
    return handler


def to_json(event: dict[str, Any], **options: Any) -> str:  # noqa: ANN401 - what json.dumps takes
    """One line of strict JSON for any event."""
    try:
        return json.dumps(event, allow_nan=False, **options)
    except (TypeError, ValueError):  # NaN, a non-string key, a circular reference
        return json.dumps({str(name): _plain(value) for name, value in event.items()})


def _plain(value: object) -> str | int | bool | None:
    return value if isinstance(value, str | int | bool | None) else repr(value)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("uncaught").critical("uncaught_exception", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
