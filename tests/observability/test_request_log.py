"""The request log: failed and slow requests, with the id that the client received."""

import math
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from sqlalchemy.exc import OperationalError
from starlette.types import ASGIApp
from structlog.testing import capture_logs

import auth.database
from auth.principal import ALL_SCOPES
from serve_app.errors import Overloaded, StorageUnavailable
from serve_app.ingress import load_shedding
from serve_app.observability import request_log
from serve_app.observability.log_context import add_log_context
from serve_app.observability.log_rate_limit import LogRateLimit
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock
from tests.ingress.graph import Graph, running
from tests.ingress.pictures import different, picture

IMAGES = "/api/v1/classifications"
MINE = {"X-Request-Id": "mine"}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    """The clock of the rate limit for log lines."""
    clock = MovableClock()
    monkeypatch.setattr(request_log, "_limit", LogRateLimit(10, clock))
    monkeypatch.setattr(request_log, "_outage_limit", LogRateLimit(1, clock, period_s=60.0))
    monkeypatch.setattr(auth.database.outage_log, "_silent_until", -math.inf)
    return clock


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs(processors=[add_log_context]) as lines:
        yield lines


@pytest.fixture
async def client(graph: Graph) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API behind load shedding, which receives a response to unexpected errors too."""
    app: ASGIApp = graph.app
    for middleware in load_shedding.middlewares():
        app = middleware.cls(app, *middleware.args, **middleware.kwargs)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://raylens.test") as client:
        yield client


async def test_an_unexpected_error_is_one_line_with_its_cause(
    graph: Graph, client: httpx.AsyncClient, lines: list[Any]
):
    graph.classifier.error = ZeroDivisionError()
    response = await client.post(IMAGES, content=picture(), headers=MINE)
    assert (response.status_code, response.json()["request_id"]) == (500, "mine")
    (line,) = lines
    assert isinstance(line.pop("exc_info"), ZeroDivisionError)
    assert line.pop("duration_ms") > 0
    assert line == {
        "event": "request_failed",
        "log_level": "error",
        "method": "POST",
        "path": IMAGES,
        "status": 500,
        "code": "internal_error",
        "request_id": "mine",
    }


async def test_other_responses_are_not_logged(client: httpx.AsyncClient, lines: list[Any]):
    for content, status in ((picture(), 201), (picture(), 201), (b"no image", 415), (b"", 400)):
        assert (await client.post(IMAGES, content=content)).status_code == status
    assert lines == []


async def test_the_user_is_logged_by_id(
    graph: Graph, client: httpx.AsyncClient, factory: UserFactory, lines: list[Any]
):
    graph.classifier.error = ZeroDivisionError()
    token = factory.issue(factory.add("ada"), "token", ALL_SCOPES)
    await client.post(IMAGES, content=picture(), headers={"Authorization": f"Token {token}"})
    (line,) = lines
    assert isinstance(line["user_id"], int)
    assert not {token, "ada"} & set(map(str, line.values()))


async def test_a_failed_image_of_several_is_logged(graph: Graph, client: httpx.AsyncClient, lines: list[Any]):
    graph.classifier.is_deadly = lambda arrived: len(arrived[0].outcomes) == 1
    graph.gateway.models[graph.gateway.default_model].queue._ordinary._max_batch = 1
    files = [("file", ("a.png", data, "image/png")) for data in different(2)]
    response = await client.post(IMAGES, files=files, headers=MINE)
    assert response.status_code == 201
    failed = [line for line in lines if line["event"] == "image_failed"]
    assert sorted((line["image"], line["code"], line["request_id"]) for line in failed) == [
        (0, "unavailable", "mine"),
        (1, "unavailable", "mine"),
    ]
    lost = [line for line in lines if line["event"] == "replica_lost"]
    assert lost
    assert all(line["request_ids"] == ["mine"] for line in lost)


async def test_overload_is_logged_at_a_limited_rate(
    client: httpx.AsyncClient, lines: list[Any], clock: MovableClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(load_shedding, "_overload_check", lambda _scope: Overloaded("full"))
    ids = [(await client.post(IMAGES, content=b"x")).headers["X-Request-Id"] for _ in range(12)]
    clock.forward(1)
    ids.append((await client.post(IMAGES, content=b"x")).headers["X-Request-Id"])
    assert [line["request_id"] for line in lines] == [*ids[:10], ids[-1]]
    assert lines[-1]["others_left_out"] == 2
    assert {(line["event"], line["status"], line["code"]) for line in lines} == {("request_failed", 503, "overloaded")}


async def test_a_slow_request_is_logged(tmp_path: Path, lines: list[Any]):
    async with running(tmp_path, slow_request_s=1e-6) as graph:
        lines.clear()
        await graph.client.get("/api/v1/models", headers=MINE)
    (line,) = (line for line in lines if line["event"] == "request_slow")
    assert (line["status"], line["request_id"], line["path"]) == (200, "mine", "/api/v1/models")


async def test_slow_requests_are_not_logged_if_disabled(tmp_path: Path, lines: list[Any]):
    async with running(tmp_path, slow_request_s=0) as graph:
        await graph.client.get("/api/v1/models")
    assert [line for line in lines if line["event"] == "request_slow"] == []


async def test_the_id_of_a_client_is_used(client: httpx.AsyncClient):
    for value in ("mine", "3f0e5c0a-5a39-4fb7-9a2e-0a3f0b4f4a55", "Root=1-67891233-abc", "a" * 128):
        response = await client.post(IMAGES, content=b"", headers={"X-Request-Id": value})
        assert response.json()["request_id"] == value


async def test_an_invalid_id_is_replaced(client: httpx.AsyncClient):
    for value in (b"", b"a" * 129, b"two words", b"<b>", b"\xff\xfe", b'"', b"a\tb", "…".encode()):
        response = await client.post(IMAGES, content=b"", headers=[(b"x-request-id", value)])
        assert response.status_code == 400, value
        assert len(response.json()["request_id"]) == 36, value


async def test_two_ids_are_replaced(client: httpx.AsyncClient):
    response = await client.post(IMAGES, content=b"", headers=[("X-Request-Id", "a"), ("X-Request-Id", "b")])
    assert len(response.json()["request_id"]) == 36


async def test_requests_that_fail_in_an_outage_are_logged_once_a_minute(
    graph: Graph, client: httpx.AsyncClient, lines: list[Any], clock: MovableClock
):
    lost = OperationalError("SELECT", {}, Exception("gone"))
    full = StorageUnavailable("The disk is full.")
    for _ in range(2):
        with (
            patch("sqlalchemy.engine.Engine.connect", side_effect=lost),
            patch.object(graph.results.stage.record_store._recorder, "record_together", side_effect=full),
        ):
            for data in different(5):
                for path in ("/report", "/auth/users/me/"):
                    response = await client.get(path, headers={"Authorization": "Token rlt_" + "x" * 43})
                    assert response.status_code == 503
                assert (await client.post(IMAGES, content=data)).status_code == 503
        clock.now += 61
    failed = [(line["path"], line["code"]) for line in lines if line["event"] == "request_failed" and "code" in line]
    assert failed == [("/report", "unavailable"), (IMAGES, "storage_unavailable")] * 2
    assert sum(line["event"] == "database_unavailable" for line in lines) == 1
    assert len(lines) == 4 + 1 + 2
