"""Traces of the real service, as a collector receives them from its replicas: whole, and without its secrets."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.e2e.test_service import JPEG, URL, noise
from tests.observability.tracing.collector import Collector, Received
from tests.service import Service

pytestmark = pytest.mark.e2e

CLIENT = "00f067aa0ba902b7"
MISS = {
    "authenticate": ("raylens-ingress", "root"),
    "read body": ("raylens-ingress", "root"),
    "image": ("raylens-ingress", "root"),
    "cache look-up": ("raylens-ingress", "image"),
    "queue": ("raylens-ingress", "image"),
    "batch": ("raylens-ingress", "image"),
    "preprocess": ("raylens-preprocessor", "batch"),
    "decode": ("raylens-preprocessor", "preprocess"),
    "classify": ("raylens-classifier", "batch"),
    "inference queue": ("raylens-classifier", "classify"),
    "inference": ("raylens-classifier", "classify"),
    "results": ("raylens-results", "batch"),
    "record": ("raylens-results", "results"),
}
"""Span → the service that sends it, and what it is a part of."""


def ask(client: httpx.Client, data: bytes, sampled: bool = True, request_id: str = "") -> tuple[str, httpx.Response]:
    """The id of a new trace, and the answer."""
    trace = secrets.token_hex(16)
    parent = f"00-{trace}-{CLIENT}-{'01' if sampled else '00'}"
    named = {"X-Request-Id": request_id} if request_id else {}
    return trace, client.post(URL, content=data, headers=JPEG | {"traceparent": parent} | named)


def shape(spans: list[Received]) -> dict[str, tuple[str, str]]:
    names = {span.id: span.name for span in spans} | {span.id: "root" for span in spans if span.parent == CLIENT}
    return {span.name: (span.service, names[span.parent]) for span in spans if span.parent != CLIENT}


def root_of(spans: list[Received]) -> Received:
    (root,) = (span for span in spans if span.parent == CLIENT)
    return root


def whole(collector: Collector, trace: str, parts: int) -> list[Received]:
    """A trace with so many spans."""
    return collector.of(trace, lambda spans: len(spans) >= parts)


def test_a_request_through_every_process(collector: Collector, client: httpx.Client):
    trace, answer = ask(client, noise(9001), request_id="traced-1")
    assert answer.status_code == 201
    spans = whole(collector, trace, len(MISS) + 1)
    assert shape(spans) == MISS
    root = root_of(spans)
    assert root.name == f"POST {URL}"
    assert root.attributes == {
        "http.request.method": "POST",
        "http.route": URL,
        "http.response.status_code": 201,
        "raylens.request_id": "traced-1",
        "raylens.user.kind": "anonymous",
    }
    assert not any(span.is_failed for span in spans)


def test_requests_of_one_batch_point_to_it_and_it_to_them(collector: Collector, service: Service):
    with (
        httpx.Client(base_url=service.url, timeout=60, limits=httpx.Limits(max_connections=32)) as client,
        ThreadPoolExecutor(32) as pool,
    ):
        asked = list(pool.map(lambda number: ask(client, noise(9100 + number)), range(48)))
    assert {answer.status_code for _, answer in asked} == {201}
    mine = {}
    for trace, _ in asked:
        spans = whole(collector, trace, len(MISS) + 1)
        assert shape(spans) == MISS
        (part,) = (span for span in spans if span.name == "batch")
        mine[part.id] = part
    largest = max(mine.values(), key=lambda part: part.attributes["raylens.batch.images"])
    assert largest.attributes["raylens.batch.images"] > 1
    (batch_id,) = largest.links
    batch = next(span for span in collector.spans() if span.id == batch_id)
    assert len(batch.links) == largest.attributes["raylens.batch.images"]
    assert batch.links <= set(mine)
    assert {tuple(mine[link].links) for link in batch.links} == {(batch_id,)}
    own = whole(collector, batch.trace, 7)
    assert len(own) == 7
    assert {span.service for span in own if span.parent == batch_id} == {
        "raylens-preprocessor",
        "raylens-classifier",
        "raylens-results",
    }


def test_a_hit(collector: Collector, client: httpx.Client):
    client.post(URL, content=noise(9002), headers=JPEG)
    trace, answer = ask(client, noise(9002))
    assert answer.headers["X-Cache"] == "hit"
    spans = whole(collector, trace, 6)
    assert sorted(span.name for span in spans) == sorted(
        [f"POST {URL}", "authenticate", "read body", "image", "cache look-up", "record"]
    )


def test_a_refused_image(collector: Collector, client: httpx.Client):
    trace, answer = ask(client, noise(9003)[:200])
    assert answer.status_code == 422
    spans = whole(collector, trace, len(MISS) - 2)
    assert not {"inference", "record"} & {span.name for span in spans}
    assert {span.name for span in spans if span.is_failed} == {"image", "batch", "decode"}
    assert root_of(spans).attributes["error.type"] == answer.json()["code"] == "corrupt_image"


def test_what_the_client_does_not_sample_is_not_sent(collector: Collector, client: httpx.Client):
    without, answer = ask(client, noise(9004), sampled=False)
    assert answer.status_code == 201
    later, _ = ask(client, noise(9004))
    whole(collector, later, 6)
    assert [span for span in collector.spans() if span.trace == without] == []


@pytest.fixture
def away(collector: Collector) -> Iterator[Collector]:
    collector.is_away = True
    yield collector
    collector.is_away = False


def test_requests_go_on_without_a_collector(away: Collector, client: httpx.Client, service: Service):
    before = away.attempts
    answers = [ask(client, noise(9200 + number))[1] for number in range(20)]
    assert {answer.status_code for answer in answers} == {201}
    assert max(answer.elapsed.total_seconds() for answer in answers) < 5
    trace, _ = ask(client, noise(9003)[:200])
    while away.attempts == before:
        client.get("/api/health/live")
    away.is_away = False
    assert whole(away, ask(client, noise(9220))[0], len(MISS) + 1)
    told = service.log.read_text().count("traces_lost")
    assert told <= 4, "once a replica"
    assert trace


def test_no_secret_is_sent(collector: Collector, client: httpx.Client):
    account = {"username": "tracy", "password": "eleven traced lighthouses"}
    trace = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace}-{CLIENT}-01"}
    assert client.post("/auth/users/", json=account, headers=headers).status_code == 201
    token = client.post("/auth/token/login/", json=account, headers=headers).json()["auth_token"]
    mine = {**headers, **JPEG, "Authorization": f"Token {token}"}
    assert client.post(URL, content=noise(9005), params={"hidden": "in-a-query"}, headers=mine).status_code == 201
    spans = collector.of(trace, lambda spans: sum(span.parent == CLIENT for span in spans) == 3)
    kinds = {
        span.attributes["http.route"]: span.attributes["raylens.user.kind"] for span in spans if span.parent == CLIENT
    }
    assert kinds == {"/auth/users/": "anonymous", "/auth/token/login/": "anonymous", URL: "token"}
    for secret in (account["password"], token, "tracy", "in-a-query"):
        assert not any(secret.encode() in body for body in collector.bodies), secret
