"""What the log says of requests: those that failed and those that took long, by the id the client was told."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from auth.principal import ALL_SCOPES
from serve_app.errors import Overloaded
from serve_app.ingress import load_shedding
from serve_app.observability import request_log
from serve_app.observability.log_context import add_log_context
from serve_app.observability.log_rate_limit import LogRateLimit
from tests.auth.user_factory import UserFactory
from tests.ingress.graph import Graph, running
from tests.ingress.pictures import different, picture

IMAGES = "/api/v1/classifications"
MINE = {"X-Request-Id": "mine"}


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "_limit", LogRateLimit())


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs(processors=[add_log_context]) as lines:
        yield lines


@pytest.fixture
async def outside(graph: Graph) -> AsyncIterator[httpx.AsyncClient]:
    """Who meets the gate first, and gets an answer to a defect as well."""
    (middleware,) = load_shedding.middlewares()
    transport = httpx.ASGITransport(
        middleware.cls(graph.app, *middleware.args, **middleware.kwargs), raise_app_exceptions=False
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://raylens.test") as client:
        yield client


def break_classifier(graph: Graph) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    graph.classifier.stage.classify = broken


async def test_a_defect_is_one_line_with_its_cause(graph: Graph, outside: httpx.AsyncClient, lines: list[Any]):
    break_classifier(graph)
    answer = await outside.post(IMAGES, content=picture(), headers=MINE)
    assert (answer.status_code, answer.json()["request_id"]) == (500, "mine")
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


async def test_an_answer_has_no_line(outside: httpx.AsyncClient, lines: list[Any]):
    for content, status in ((picture(), 201), (picture(), 201), (b"no image", 415), (b"", 400)):
        assert (await outside.post(IMAGES, content=content)).status_code == status
    assert lines == []


async def test_who_asked_is_told_by_number(
    graph: Graph, outside: httpx.AsyncClient, factory: UserFactory, lines: list[Any]
):
    break_classifier(graph)
    token = factory.issue(factory.add("ada"), "token", ALL_SCOPES)
    await outside.post(IMAGES, content=picture(), headers={"Authorization": f"Token {token}"})
    (line,) = lines
    assert isinstance(line["user_id"], int)
    assert not {token, "ada"} & set(map(str, line.values()))


async def test_one_failed_image_of_several(graph: Graph, outside: httpx.AsyncClient, lines: list[Any]):
    graph.classifier.is_deadly = lambda arrived: len(arrived[0].outcomes) == 1
    graph.gateway.models[graph.gateway.default_model].queue._max_batch = 1
    files = [("file", ("a.png", data, "image/png")) for data in different(2)]
    answer = await outside.post(IMAGES, files=files, headers=MINE)
    assert answer.status_code == 201
    failed = [line for line in lines if line["event"] == "image_failed"]
    assert sorted((line["image"], line["code"], line["request_id"]) for line in failed) == [
        (0, "unavailable", "mine"),
        (1, "unavailable", "mine"),
    ]
    lost = [line for line in lines if line["event"] == "replica_lost"]
    assert lost
    assert all(line["request_ids"] == ["mine"] for line in lost)


async def test_an_overload_is_told_of_and_does_not_flood_the_log(outside: httpx.AsyncClient, lines: list[Any]):
    load_shedding.set_overload_check(lambda: Overloaded("full"))
    try:
        ids = [(await outside.post(IMAGES, content=b"x")).headers["X-Request-Id"] for _ in range(30)]
    finally:
        load_shedding.set_overload_check(None)
    told = [line["request_id"] for line in lines]
    assert 10 <= len(told) <= 20
    assert told[:10] == ids[:10]
    assert {(line["event"], line["status"], line["code"]) for line in lines} == {("request_failed", 503, "overloaded")}


async def test_a_slow_request_is_told(tmp_path: Path, lines: list[Any]):
    async with running(tmp_path, slow_request_s=1e-6) as graph:
        lines.clear()
        await graph.client.get("/api/v1/models", headers=MINE)
    (line,) = (line for line in lines if line["event"] == "request_slow")
    assert (line["status"], line["request_id"], line["path"]) == (200, "mine", "/api/v1/models")


async def test_none_is_too_slow_where_nobody_says_so(tmp_path: Path, lines: list[Any]):
    async with running(tmp_path, slow_request_s=0) as graph:
        await graph.client.get("/api/v1/models")
    assert [line for line in lines if line["event"] == "request_slow"] == []


@pytest.mark.parametrize("value", ["mine", "3f0e5c0a-5a39-4fb7-9a2e-0a3f0b4f4a55", "Root=1-67891233-abc", "a" * 128])
async def test_a_clients_own_id_is_kept(outside: httpx.AsyncClient, value: str):
    answer = await outside.post(IMAGES, content=b"", headers={"X-Request-Id": value})
    assert answer.json()["request_id"] == value


@pytest.mark.parametrize("value", [b"", b"a" * 129, b"two words", b"<b>", b"\xff\xfe", b'"', b"a\tb", "…".encode()])
async def test_another_id_is_made_for_one_that_is_none(outside: httpx.AsyncClient, value: bytes):
    answer = await outside.post(IMAGES, content=b"", headers=[(b"x-request-id", value)])
    assert answer.status_code == 400
    assert len(answer.json()["request_id"]) == 36


async def test_of_two_ids_neither_counts(outside: httpx.AsyncClient):
    answer = await outside.post(IMAGES, content=b"", headers=[("X-Request-Id", "a"), ("X-Request-Id", "b")])
    assert len(answer.json()["request_id"]) == 36
