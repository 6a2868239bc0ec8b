"""Traces that a collector receives from the replicas of the running service."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.e2e.images import JPEG, URL, random_jpeg
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
"""Span → the service that sends it, and its parent span."""


def classify_traced(
    client: httpx.Client, data: bytes, sampled: bool = True, request_id: str = ""
) -> tuple[str, httpx.Response]:
    """The id of a new trace, and the response."""
    trace = secrets.token_hex(16)
    parent = f"00-{trace}-{CLIENT}-{'01' if sampled else '00'}"
    named = {"X-Request-Id": request_id} if request_id else {}
    return trace, client.post(URL, content=data, headers=JPEG | {"traceparent": parent} | named)


def structure(spans: list[Received]) -> dict[str, tuple[str, str]]:
    names = {span.id: span.name for span in spans} | {span.id: "root" for span in spans if span.parent == CLIENT}
    return {span.name: (span.service, names[span.parent]) for span in spans if span.parent != CLIENT}


def root_of(spans: list[Received]) -> Received:
    (root,) = (span for span in spans if span.parent == CLIENT)
    return root


def wait_for_spans(collector: Collector, trace: str, count: int) -> list[Received]:
    """The spans of a trace once there are at least ``count``."""
    return collector.of(trace, lambda spans: len(spans) >= count)


def test_a_request_through_every_process(collector: Collector, client: httpx.Client):
    trace, response = classify_traced(client, random_jpeg(9001), request_id="traced-1")
    assert response.status_code == 201
    spans = wait_for_spans(collector, trace, len(MISS) + 1)
    assert structure(spans) == MISS
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


def test_a_batch_and_its_requests_are_linked(collector: Collector, service: Service):
    with (
        httpx.Client(base_url=service.url, timeout=60, limits=httpx.Limits(max_connections=32)) as client,
        ThreadPoolExecutor(32) as pool,
    ):
        traced = list(pool.map(lambda number: classify_traced(client, random_jpeg(9100 + number)), range(48)))
    assert {response.status_code for _, response in traced} == {201}
    mine = {}
    for trace, _ in traced:
        spans = wait_for_spans(collector, trace, len(MISS) + 1)
        assert structure(spans) == MISS
        (part,) = (span for span in spans if span.name == "batch")
        mine[part.id] = part
    largest = max(mine.values(), key=lambda part: part.attributes["raylens.batch.images"])
    assert largest.attributes["raylens.batch.images"] > 1
    (batch_id,) = largest.links
    batch = next(span for span in collector.spans() if span.id == batch_id)
    assert len(batch.links) == largest.attributes["raylens.batch.images"]
    assert batch.links <= set(mine)
    assert {tuple(mine[link].links) for link in batch.links} == {(batch_id,)}
    own = wait_for_spans(collector, batch.trace, 7)
    assert len(own) == 7
    assert {span.service for span in own if span.parent == batch_id} == {
        "raylens-preprocessor",
        "raylens-classifier",
        "raylens-results",
    }


def test_a_cache_hit(collector: Collector, client: httpx.Client):
    client.post(URL, content=random_jpeg(9002), headers=JPEG)
    trace, response = classify_traced(client, random_jpeg(9002))
    assert response.headers["X-Cache"] == "hit"
    spans = wait_for_spans(collector, trace, 6)
    assert sorted(span.name for span in spans) == sorted(
        [f"POST {URL}", "authenticate", "read body", "image", "cache look-up", "record"]
    )


def test_a_rejected_image(collector: Collector, client: httpx.Client):
    trace, response = classify_traced(client, random_jpeg(9003)[:200])
    assert response.status_code == 422
    spans = wait_for_spans(collector, trace, len(MISS) - 2)
    assert not {"inference", "record"} & {span.name for span in spans}
    assert {span.name for span in spans if span.is_failed} == {"image", "batch", "decode"}
    assert root_of(spans).attributes["error.type"] == response.json()["code"] == "corrupt_image"


def test_unsampled_requests_are_not_exported(collector: Collector, client: httpx.Client):
    unsampled, response = classify_traced(client, random_jpeg(9004), sampled=False)
    assert response.status_code == 201
    sampled, _ = classify_traced(client, random_jpeg(9004))
    wait_for_spans(collector, sampled, 6)
    assert [span for span in collector.spans() if span.trace == unsampled] == []


@pytest.fixture
def failing(collector: Collector) -> Iterator[Collector]:
    collector.status = 503
    yield collector
    collector.status = 200


def test_requests_succeed_while_the_collector_fails(failing: Collector, client: httpx.Client, service: Service):
    before = failing.attempts
    responses = [classify_traced(client, random_jpeg(9200 + number))[1] for number in range(20)]
    assert {response.status_code for response in responses} == {201}
    classify_traced(client, random_jpeg(9003)[:200])
    while failing.attempts == before:
        client.get("/api/health/live")
    failing.status = 200
    assert wait_for_spans(failing, classify_traced(client, random_jpeg(9220))[0], len(MISS) + 1)
    assert service.log.read_text().count("trace_export_failed") <= 4, "once per replica"


def test_secrets_are_not_exported(collector: Collector, client: httpx.Client):
    account = {"username": "tracy", "password": "eleven traced lighthouses"}
    trace = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace}-{CLIENT}-01"}
    assert client.post("/auth/users/", json=account, headers=headers).status_code == 201
    token = client.post("/auth/token/login/", json=account, headers=headers).json()["auth_token"]
    mine = {**headers, **JPEG, "Authorization": f"Token {token}"}
    assert client.post(URL, content=random_jpeg(9005), params={"hidden": "in-a-query"}, headers=mine).status_code == 201
    spans = collector.of(trace, lambda spans: sum(span.parent == CLIENT for span in spans) == 3)
    kinds = {
        span.attributes["http.route"]: span.attributes["raylens.user.kind"] for span in spans if span.parent == CLIENT
    }
    assert kinds == {"/auth/users/": "anonymous", "/auth/token/login/": "anonymous", URL: "token"}
    for secret in (account["password"], token, "tracy", "in-a-query"):
        assert not any(secret.encode() in body for body in collector.bodies), secret
