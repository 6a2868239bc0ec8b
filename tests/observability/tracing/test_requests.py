"""The trace of a request: complete, and linked with the trace of its batch."""

import asyncio
from itertools import pairwise
from unittest.mock import patch

import pytest
from opentelemetry.trace import SpanKind

from serve_app.observability import tracing
from serve_app.request_context import EMPTY
from tests.ingress.graph import Graph, until
from tests.ingress.pictures import BLUE, GREEN, RED, different, picture, truncated
from tests.observability.tracing.traces import IMAGES, Traces, traceparent

STAGES = [
    ["preprocess", "decode"],
    ["classify", "inference queue", "inference"],
    ["results", "record"],
]
BATCH_STAGES = ["preprocess", *STAGES[1:]]


async def test_a_request_is_traced_from_the_client_to_the_record(traces: Traces):
    assert (await traces.send(1, picture(), request_id="mine")).status_code == 201
    root = traces.of(1)
    assert root.outline() == [
        f"POST {IMAGES}",
        "authenticate",
        "read body",
        ["image", "cache look-up", "queue", ["batch", *STAGES]],
    ]
    assert root.span.kind == SpanKind.SERVER
    assert root.attributes == {
        "http.request.method": "POST",
        "http.route": IMAGES,
        "http.response.status_code": 201,
        "raylens.request_id": "mine",
        "raylens.user.kind": "anonymous",
    }
    assert root.find("image").attributes == {"raylens.model": "efficientnet-lite0", "raylens.outcome": "miss"}
    assert root.find("image", "batch").attributes == {
        "raylens.model": "efficientnet-lite0",
        "raylens.batch.images": 1,
    }
    assert root.find("image", "batch", "classify", "inference").attributes == {"raylens.inference.images": 1}


async def test_child_spans_are_consecutive_and_within_their_parent(traces: Traces, graph: Graph):
    """The tolerance is a quarter of the inference: two clocks are read, and a busy machine may pause in between."""
    graph.runtime.close_gate()
    response = asyncio.create_task(traces.send(1, picture()))
    await graph.runtime.is_busy()
    await asyncio.sleep(0.2)
    graph.runtime.gate.set()
    await response
    image = traces.of(1).find("image")
    for parent in (image, image.find("batch"), image.find("batch", "classify")):
        inner = [time for child in parent.children for time in (child.span.start_time, child.span.end_time)]
        times = [time or 0 for time in (parent.span.start_time, *inner, parent.span.end_time)]
        assert all(later - earlier > -50e6 for earlier, later in pairwise(times)), (parent.name, times)


async def test_a_batch_of_several_requests(traces: Traces, graph: Graph):
    first, *others = different(4)
    graph.runtime.close_gate()
    requests = [asyncio.create_task(traces.send(1, first))]
    await graph.runtime.is_busy()
    requests += [asyncio.create_task(traces.send(number, data)) for number, data in enumerate(others, 2)]
    await until(lambda: sum(graph.gateway._images_by_model().values()) == 4)
    graph.runtime.gate.set()
    assert {response.status_code for response in await asyncio.gather(*requests)} == {201}
    sizes = sorted(batch.attributes["raylens.batch.images"] for batch in traces.batches())
    assert sizes == [1, 1, 2], "two slots were free, and later images waited for the next batch"
    for batch in traces.batches():
        assert batch.outline() == ["batch", *BATCH_STAGES]
        linked = {(link.context.trace_id, link.context.span_id) for link in batch.span.links}
        assert len(linked) == batch.attributes["raylens.batch.images"]
        for trace, span_id in linked:
            part = traces.of(trace).find("image", "batch")
            assert part.span.context.span_id == span_id
            assert [link.context.span_id for link in part.span.links] == [batch.span.context.span_id]
            assert part.outline() == ["batch", *STAGES]


async def test_a_cache_hit_has_no_inference(traces: Traces):
    await traces.send(1, picture())
    await traces.send(2, picture())
    image = traces.of(2).find("image")
    assert image.outline() == ["image", "cache look-up", "record"]
    assert image.find("cache look-up").attributes == {"raylens.cache.hit": True}
    assert image.attributes["raylens.outcome"] == "hit"


async def test_a_shared_inference_is_linked(traces: Traces, graph: Graph):
    graph.runtime.close_gate()
    leader = asyncio.create_task(traces.send(1, picture()))
    await graph.runtime.is_busy()
    follower = asyncio.create_task(traces.send(2, picture()))
    await asyncio.sleep(0.05)
    graph.runtime.gate.set()
    assert [response.headers["X-Cache"] for response in await asyncio.gather(leader, follower)] == ["miss", "shared"]
    image = traces.of(2).find("image")
    assert image.outline() == ["image", "cache look-up", "record"]
    assert [link.context.span_id for link in image.span.links] == [traces.of(1).find("image").span.context.span_id]


async def test_several_images_of_one_request(traces: Traces, graph: Graph):
    files = [("file", (f"{i}.png", data, "image/png")) for i, data in enumerate([picture(RED), truncated()])]
    response = await graph.client.post(IMAGES, files=files, headers={"traceparent": traceparent(7)})
    assert response.status_code == 201
    images = [part for part in traces.of(7).children if part.name == "image"]
    assert sorted(str(image.failure) for image in images) == ["None", "corrupt_image"]
    (bad,) = (image for image in images if image.failure)
    assert bad.find("batch").failure == "corrupt_image"
    assert bad.find("batch", "preprocess", "decode").failure == "corrupt_image"
    assert traces.of(7).failure is None


async def test_an_internal_error_is_a_failure(traces: Traces, graph: Graph):
    error = ZeroDivisionError("hush")
    with patch.object(graph.runtime, "predict", side_effect=error), pytest.raises(ZeroDivisionError):
        await traces.send(1, picture(GREEN))
    root = traces.of(1)
    assert root.failure == "internal_error"
    assert root.attributes["http.response.status_code"] == 500
    assert root.find("image", "batch", "classify").failure == "ZeroDivisionError"
    assert "hush" not in "".join(span.to_json() for span in traces.spans())


async def test_a_rejected_request_is_not_a_failure(traces: Traces):
    await traces.send(1, b"no image")
    root = traces.of(1)
    assert root.failure is None
    assert (root.attributes["http.response.status_code"], root.attributes["error.type"]) == (415, "unsupported_image")


async def test_unsampled_requests_record_nothing(traces: Traces, graph: Graph):
    await traces.send(1, picture(), sampled=False)
    await graph.classify(picture(BLUE))
    assert traces.spans() == ()


async def test_only_the_host_of_an_image_url_is_recorded(traces: Traces, graph: Graph):
    document = {"image_url": "http://images.invalid/secret-path?secret=query"}
    response = await graph.client.post(IMAGES, json=document, headers={"traceparent": traceparent(1)})
    assert response.status_code == 422
    fetch = traces.of(1).find("image", "fetch")
    assert (fetch.attributes["server.address"], fetch.failure) == ("images.invalid", response.json()["code"])
    assert "secret" not in "".join(span.to_json() for span in traces.spans())


async def test_health_checks_are_not_traced(traces: Traces, graph: Graph):
    for path in ("/api/health/live", "/api/health/ready", "/health"):
        await graph.client.get(path, headers={"traceparent": traceparent(1)})
    assert traces.spans() == ()


async def test_span_names_contain_no_request_data(traces: Traces, graph: Graph):
    await graph.client.get(f"{IMAGES}/{'a' * 32}?secret=1", headers={"traceparent": traceparent(1)})
    await graph.client.get("/nowhere/at/all", headers={"traceparent": traceparent(2)})
    assert traces.of(1).name == f"GET {IMAGES}/{{classification_id}}"
    assert traces.of(2).name == "GET"


async def test_a_malformed_traceparent_is_ignored(traces: Traces, graph: Graph):
    for header in (b"", b"00-0-0-01", b"x" * 5000, b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01", b"\xff"):
        response = await graph.client.post(IMAGES, content=picture(), headers=[(b"traceparent", header)])
        assert response.status_code == 201, header
        assert traces.spans() == (), header


async def test_without_tracing_no_object_is_created(graph: Graph):
    assert not tracing.is_on()
    with tracing.span("a") as span, tracing.stage(EMPTY, "b") as stage:
        assert not span
        assert not stage.image(0, "c")
    assert (tracing.traceparent(), tracing.ids()) == ("", {})
    assert span is tracing.span("another")
