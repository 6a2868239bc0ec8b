"""Limits: bytes, memory, queues, deadlines and rates. Excess is rejected early, accepted requests complete."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serve_app.config import BuildArguments, ClassifierArguments, LimitArguments, QueueArguments
from serve_app.proxy_token import proxy_token
from tests.ingress.graph import Graph, running, until
from tests.ingress.pictures import different, picture

URL = "/api/v1/classifications"
PNG = {"Content-Type": "image/png"}
MIB = 1 << 20


class Drip:
    """A body in chunks of 64 KiB that counts the bytes that were read."""

    def __init__(self, head: bytes, mib: int) -> None:
        self.taken = 0
        self._head = head
        self._chunks = mib * 16

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._head
        for _ in range(self._chunks):
            self.taken += 1 << 16
            yield b"\0" * (1 << 16)


def code(response: httpx.Response) -> str:
    return str(response.json()["code"])


async def test_a_huge_body_is_read_no_further_than_the_limit(graph: Graph) -> None:
    body = Drip(picture(), 100)
    response = await graph.client.post(URL, content=body, headers=PNG)
    assert (response.status_code, code(response)) == (413, "image_too_large")
    assert body.taken <= 20 * MIB + 2 * (1 << 16)


async def test_a_huge_part_is_read_no_further_than_the_limit(graph: Graph) -> None:
    head = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + picture()
    body = Drip(head, 100)
    response = await graph.client.post(
        URL, content=body, headers={"Content-Type": "multipart/form-data; boundary=X", "Transfer-Encoding": "chunked"}
    )
    assert (response.status_code, code(response)) == (413, "image_too_large")
    assert body.taken <= 20 * MIB + 2 * (1 << 16)


async def test_huge_json_is_read_no_further_than_the_limit(tmp_path: Path) -> None:
    async with running(tmp_path, arguments=BuildArguments(limits=LimitArguments(body_mib=2))) as graph:
        body = Drip(b'{"image_base64": "', 10)
        response = await graph.client.post(URL, content=body, headers={"Content-Type": "application/json"})
        assert response.status_code == 413
        assert body.taken <= 2 * MIB + 2 * (1 << 16)


async def test_a_content_length_over_the_limit_is_rejected_unread(graph: Graph) -> None:
    body = Drip(picture(), 100)
    headers = PNG | {"Content-Length": str(100 * MIB)}
    response = await graph.client.post(URL, content=body, headers=headers)
    assert (response.status_code, code(response)) == (413, "image_too_large")
    assert body.taken == 0


async def test_request_bodies_share_a_memory_limit(tmp_path: Path) -> None:
    arguments = BuildArguments(queue=QueueArguments(max_mib=3, client_share=0.9))
    large = picture() + b"\0" * (2 * MIB)
    async with running(tmp_path, arguments=arguments) as graph:
        graph.runtime.close_gate()
        first = asyncio.create_task(graph.classify(large))
        await graph.runtime.is_busy()
        rejected = await graph.client.post(URL, content=large + b"\0", headers=PNG)
        assert (rejected.status_code, code(rejected)) == (503, "overloaded")
        assert int(rejected.headers["Retry-After"]) >= 1
        graph.runtime.gate.set()
        await first
        await graph.classify(large + b"\0")


def narrow(max_waiting: int) -> BuildArguments:
    """One image per model call, one call in flight, and a short queue."""
    return BuildArguments(
        queue=QueueArguments(max_batch=1, batches_per_classifier=1, max_waiting=max_waiting),
        classifier=ClassifierArguments(batch_buckets=(1,)),
    )


async def test_a_full_queue_rejects_and_completes_accepted_images(tmp_path: Path) -> None:
    async with running(tmp_path, arguments=narrow(3)) as graph:
        graph.runtime.close_gate()
        pictures = different(20)
        requests = [asyncio.create_task(graph.client.post(URL, content=data, headers=PNG)) for data in pictures]
        await until(lambda: sum(request.done() for request in requests) == 16)
        graph.runtime.gate.set()
        responses = [await request for request in requests]
        assert sorted(response.status_code for response in responses) == [201] * 4 + [503] * 16
        for response in responses:
            if response.status_code == 503:
                assert code(response) == "overloaded"
                assert int(response.headers["Retry-After"]) >= 1
        assert await graph.record_count() == 4
        await graph.classify(pictures[-1])


async def test_a_full_queue_rejects_before_reading_the_body(tmp_path: Path) -> None:
    async with running(tmp_path, arguments=narrow(1)) as graph:
        graph.runtime.close_gate()
        pending = [asyncio.create_task(graph.classify(data)) for data in different(2)]
        await graph.runtime.is_busy()
        queue = graph.gateway.model(None).queue
        await until(lambda: queue.waiting_images == 1)
        body = Drip(picture((9, 9, 9)), 10)
        response = await graph.client.post(URL, content=body, headers=PNG)
        assert (response.status_code, body.taken) == (503, 0)
        graph.runtime.gate.set()
        await asyncio.gather(*pending)


async def test_a_full_queue_rejects_before_the_credentials_are_checked(tmp_path: Path) -> None:
    async with running(tmp_path, arguments=narrow(1)) as graph:
        invalid = PNG | {"Authorization": "Bearer rlt_unknown"}
        assert (await graph.client.post(URL, content=picture(), headers=invalid)).status_code == 401
        graph.runtime.close_gate()
        pending = [asyncio.create_task(graph.classify(data)) for data in different(2)]
        await graph.runtime.is_busy()
        await until(lambda: graph.gateway.model(None).queue.waiting_images == 1)
        assert (await graph.client.post(URL, content=picture(), headers=invalid)).status_code == 503
        graph.runtime.gate.set()
        await asyncio.gather(*pending)


async def test_some_of_several_images_do_not_fit_the_queue(tmp_path: Path) -> None:
    async with running(tmp_path, arguments=narrow(2)) as graph:
        graph.runtime.close_gate()
        files = [("file", (f"{i}.png", data, "image/png")) for i, data in enumerate(different(6))]
        request = asyncio.create_task(graph.client.post(URL, files=files))
        await graph.runtime.is_busy()
        graph.runtime.gate.set()
        response = await request
        assert response.status_code == 201
        assert [item.get("code") for item in response.json()["items"]] == [None] * 3 + ["overloaded"] * 3


async def test_a_passed_deadline_removes_the_image_from_the_queue(tmp_path: Path) -> None:
    async with running(tmp_path, arguments=narrow(10)) as graph:
        graph.runtime.close_gate()
        first, second = different(2)
        waiting = asyncio.create_task(graph.classify(first))
        await graph.runtime.is_busy()
        response = await graph.client.post(URL, content=second, headers=PNG | {"X-Request-Timeout": "0.2"})
        assert (response.status_code, code(response)) == (504, "deadline_exceeded")
        await until(lambda: graph.gateway.model(None).queue.waiting_images == 0)
        graph.runtime.gate.set()
        await waiting
        assert graph.runtime.batches == [1], "the dropped image never reached the model"
        assert await graph.record_count() == 1


async def test_a_deadline_applies_to_each_of_several_images(tmp_path: Path) -> None:
    async with running(tmp_path, arguments=narrow(10)) as graph:
        graph.runtime.close_gate()
        files = [("file", (f"{i}.png", data, "image/png")) for i, data in enumerate(different(3))]
        response = await graph.client.post(URL, files=files, headers={"X-Request-Timeout": "0.2"})
        graph.runtime.gate.set()
        assert response.status_code == 201
        assert [item["code"] for item in response.json()["items"]] == ["deadline_exceeded"] * 3


async def test_a_disconnected_client_leaves_the_queue(tmp_path: Path) -> None:
    async with running(tmp_path, arguments=narrow(10)) as graph:
        graph.runtime.close_gate()
        first, second = different(2)
        waiting = asyncio.create_task(graph.classify(first))
        await graph.runtime.is_busy()
        queue = graph.gateway.model(None).queue
        leaving = asyncio.create_task(graph.client.post(URL, content=second, headers=PNG))
        await until(lambda: queue.waiting_images == 1)
        leaving.cancel()
        await until(lambda: queue.waiting_images == 0)
        graph.runtime.gate.set()
        await waiting
        assert graph.runtime.batches == [1]
        budget_left = graph.gateway.byte_budget._left
        assert budget_left == graph.gateway.arguments.queue.max_mib * MIB, "its memory is released"


async def test_a_client_may_disconnect_while_it_sends(graph: Graph) -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": picture()[:20], "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": URL,
        "raw_path": URL.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"raylens.test"), (b"content-type", b"image/png")],
        "client": ("127.0.0.1", 1),
        "server": ("raylens.test", 80),
    }

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await graph.app(scope, receive, send)
    assert sent[0]["status"] == 499
    assert graph.runtime.batches == []


async def test_a_rate_limit_counts_images(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit_anonymous="3/hour") as graph:
        files = [("file", (f"{i}.png", data, "image/png")) for i, data in enumerate(different(3))]
        assert (await graph.client.post(URL, files=files)).status_code == 201
        for path, request in (
            (URL, {"content": picture()}),
            ("/classify-image", {"json": {"image_url": "http://a.b/"}}),
        ):
            response = await graph.client.post(path, **request)
            assert (response.status_code, code(response)) == (429, "rate_limited")
            assert 1 <= int(response.headers["Retry-After"]) <= 3600


async def test_a_rate_limit_applies_before_the_body_is_read(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit_anonymous="2/hour") as graph:
        for _ in range(2):
            headers = {"Content-Type": "application/json"}
            assert (await graph.client.post(URL, content=b"{", headers=headers)).status_code == 400
        body = Drip(picture(), 10)
        response = await graph.client.post(URL, content=body, headers=PNG)
        assert (response.status_code, code(response), body.taken) == (429, "rate_limited", 0)


async def test_a_request_with_more_images_than_the_rate_limit_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit_anonymous="2/hour") as graph:
        files = [("file", (f"{i}.png", data, "image/png")) for i, data in enumerate(different(3))]
        response = await graph.client.post(URL, files=files)
        assert (response.status_code, "3 images exceeds" in response.json()["detail"]) == (429, True)


@pytest.mark.parametrize("hops", [0, 1])
async def test_only_trusted_proxies_set_the_client_address(tmp_path: Path, hops: int) -> None:
    async with running(tmp_path, rate_limit_anonymous="1/hour", forwarded_hops=hops) as graph:
        statuses = []
        for client in ("192.0.2.1", "192.0.2.2"):
            headers = PNG | {"X-Forwarded-For": f"203.0.113.9, {client}"}
            statuses.append((await graph.client.post(URL, content=picture(), headers=headers)).status_code)
        assert statuses == ([201, 201] if hops else [201, 429])


async def test_raylens_knows_its_clients_behind_its_own_haproxy(tmp_path: Path) -> None:
    """Without any setting; who has come past it has no token and counts as the peer."""
    async with running(tmp_path, rate_limit_anonymous="1/hour", proxies=1) as graph:
        token = {"X-Raylens-Proxy": proxy_token(graph.gateway.settings.signing_keys[0])}
        statuses = []
        for headers in (token, {}):
            for client in ("192.0.2.1", "192.0.2.2"):
                forwarded = PNG | headers | {"X-Forwarded-For": f"203.0.113.9, {client}"}
                statuses.append((await graph.client.post(URL, content=picture(), headers=forwarded)).status_code)
        assert statuses == [201, 201, 201, 429]


@pytest.mark.parametrize(
    "clients",
    [
        ("192.0.2.1:4711", "192.0.2.1:4712", "::ffff:192.0.2.1"),
        ("2001:db8::1", "[2001:db8::2]:443", "2001:db8:0:0:9::"),
    ],
)
async def test_ports_and_addresses_of_a_network_are_one_client(tmp_path: Path, clients: tuple[str, ...]) -> None:
    """Also if the client has written a line of its own before that of the proxy."""
    async with running(tmp_path, rate_limit_anonymous="1/hour", forwarded_hops=1) as graph:
        statuses = []
        for number, client in enumerate(clients):
            headers = [("X-Forwarded-For", f"203.0.113.{number}"), ("X-Forwarded-For", client), *PNG.items()]
            statuses.append((await graph.client.post(URL, content=picture(), headers=headers)).status_code)
        assert statuses == [201, 429, 429]
