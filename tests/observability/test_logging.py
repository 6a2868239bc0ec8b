"""With ``log_format="json"`` every line is JSON, whichever library writes it, and has the ids of its requests."""

import json
import subprocess
import sys
from typing import Any

import pytest

from serve_app.observability.logging import to_json
from serve_app.request_context import EMPTY, BatchContext, RequestContext

PROGRAM = """
import asyncio, builtins, logging, threading, warnings
import ray, structlog
from ray import serve
from ray.serve._private.logging_utils import configure_default_serve_logger, redirected_print
from serve_app.observability.log_context import bound_log_context
from serve_app.observability.logging import configure_logging, take_over_stderr
from serve_app.settings import Settings
from serve_app.request_context import BatchContext, RequestContext

configure_default_serve_logger()
builtins.print = redirected_print  # as in every replica
configure_logging(Settings(_env_file=None, log_format="json"))
take_over_stderr()
log = structlog.get_logger("serve_app.test")
log.info("plain", figure=float("nan"), text="two\\nlines \\ud800", what=object(), keys={1: {2, 3}})
try:
    raise ValueError("with\\na line")
except ValueError:
    log.exception("caught")
    logging.getLogger("serve_app.stages").exception("An image of %d bytes", 7)
with bound_log_context(RequestContext("one")):
    log.warning("for_one")
with bound_log_context(BatchContext((RequestContext("one"), RequestContext("two"), RequestContext("one")))):
    logging.getLogger("models").warning("for two")
log.warning("explicit", request_id="explicit")
logging.getLogger("some.library").warning("of a library")
logging.getLogger("ray.serve").warning("of Serve", extra={"request_id": "three", "serve_access_log": True})
logging.getLogger("ray").warning("of Ray")
warnings.warn("of Python")
threading.Thread(target=lambda: 1 / 0).start()
async def main():
    asyncio.create_task(asyncio.sleep(0)).set_name("x")
    asyncio.get_running_loop().call_exception_handler({"message": "of asyncio"})
asyncio.run(main())
raise RuntimeError("not caught")
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    return [json.loads(line, parse_constant=pytest.fail) for line in result.stderr.splitlines()]


def one(lines: list[dict[str, Any]], event: str) -> dict[str, Any]:
    (line,) = (line for line in lines if event in str(line["event"]))
    return line


def test_every_line_has_time_level_and_logger(lines: list[dict[str, Any]]):
    assert all({"timestamp", "level", "logger", "event"} <= set(line) for line in lines)


def test_any_value_fits_into_a_line(lines: list[dict[str, Any]]):
    line = one(lines, "plain")
    assert (line["figure"], line["text"]) == ("nan", "two\nlines \ud800")
    assert "object" in line["what"]


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ("caught", "with\na line"),
        ("An image of 7 bytes", "with\na line"),
        ("uncaught_exception", "not caught"),
    ],
)
def test_an_exception_is_part_of_its_line(lines: list[dict[str, Any]], event: str, error: str):
    found = [line for line in lines if line["event"] == event and error in line.get("exception", "")]
    assert len(found) == 1
    assert found[0]["exception"].startswith("Traceback (most recent call last):\n  File ")


def test_an_exception_in_a_thread_is_logged(lines: list[dict[str, Any]]):
    assert any("division by zero" in line.get("exception", "") for line in lines)


@pytest.mark.parametrize("event", ["of a library", "of Serve", "of Ray", "of Python", "of asyncio"])
def test_other_libraries_log_in_the_same_format(lines: list[dict[str, Any]], event: str):
    assert one(lines, event)


@pytest.mark.parametrize(
    ("event", "ids"),
    [
        ("for_one", {"request_id": "one"}),
        ("for two", {"request_ids": ["one", "two"]}),
        ("explicit", {"request_id": "explicit"}),
        ("of Serve", {"request_id": "three"}),
        ("plain", {}),
    ],
)
def test_a_line_has_the_ids_of_its_requests(lines: list[dict[str, Any]], event: str, ids: dict[str, Any]):
    line = one(lines, event)
    assert {name: line[name] for name in ("request_id", "request_ids") if name in line} == ids
    assert "serve_access_log" not in line


def test_circular_events_and_unusual_keys_are_json():
    circle: dict[str, Any] = {"event": "x", "number": 3}
    circle["self"] = circle
    assert json.loads(to_json(circle))["number"] == 3
    unusual: dict[Any, Any] = {"event": "x", (1, 2): "a key"}
    assert json.loads(to_json(unusual))["(1, 2)"] == "a key"


def test_a_batch_context_has_the_requests_of_its_images():
    context = BatchContext((RequestContext("a"), RequestContext("b")))
    assert (context.request(1), EMPTY.request(1)) == (RequestContext("b"), RequestContext())
    assert (EMPTY.log_fields(), BatchContext((RequestContext(),)).log_fields()) == ({}, {})
