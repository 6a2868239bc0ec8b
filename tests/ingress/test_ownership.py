"""Owners of classifications, and permission to classify."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from auth.credentials.secret import Prefix, new_secret
from auth.principal import CredentialKind, Scope
from serve_app.config import BuildArguments, ClassifierArguments, QueueArguments
from tests.auth.user_factory import UserFactory
from tests.fetch.server import Server, respond
from tests.ingress.graph import Graph, running, until
from tests.ingress.pictures import different, picture
from tests.ingress.tokens import application_token, bearer

URL = "/api/v1/classifications"
CLASSIFY = frozenset({Scope.CLASSIFY})


def user_factory(graph: Graph) -> UserFactory:
    return UserFactory(graph.gateway.engine, time.time)


async def post(graph: Graph, headers: dict[str, str], data: bytes = picture()) -> httpx.Response:
    return await graph.client.post(URL, content=data, headers=headers)


def owner(graph: Graph, response: httpx.Response) -> int | None:
    assert response.status_code == 201, response.text
    return graph.gateway.history.get(response.json()["id"]).user_id


async def test_a_classification_belongs_to_its_user(graph: Graph, factory: UserFactory) -> None:
    alice = factory.add("alice")
    credentials: list[tuple[CredentialKind, str]] = [("token", "Token"), ("token", "Bearer"), ("key", "Bearer")]
    for (kind, scheme), data in zip(credentials, different(3), strict=True):
        headers = {"Authorization": f"{scheme} {factory.issue(alice, kind, CLASSIFY)}"}
        for outcome in ("miss", "hit"):
            response = await post(graph, headers, data)
            assert response.headers["X-Cache"] == outcome
            assert owner(graph, response) == alice
    assert owner(graph, await post(graph, {})) is None


async def test_all_images_of_a_request_belong_to_its_user(graph: Graph, factory: UserFactory) -> None:
    alice = factory.add("alice")
    files = [("file", (f"{i}.png", data, "image/png")) for i, data in enumerate([*different(3), b"not an image"])]
    response = await graph.client.post(URL, files=files, headers=bearer(factory.issue(alice, "token")))
    *answers, problem = response.json()["items"]
    assert problem["code"] == "unsupported_image"
    assert {graph.gateway.history.get(item["id"]).user_id for item in answers} == {alice}


async def test_users_who_share_an_inference_own_separate_classifications(graph: Graph, factory: UserFactory) -> None:
    users = [factory.add("alice"), factory.add("bob")]
    graph.runtime.close_gate()
    flight = [asyncio.create_task(post(graph, bearer(factory.issue(user, "token")))) for user in users]
    await graph.runtime.is_busy()
    await asyncio.sleep(0.05)
    graph.runtime.gate.set()
    responses = await asyncio.gather(*flight)
    assert sorted(response.headers["X-Cache"] for response in responses) == ["miss", "shared"]
    assert [owner(graph, response) for response in responses] == users


async def test_the_original_route_records_the_user(graph: Graph, factory: UserFactory, website: Server) -> None:
    website.answers["/a.png"] = respond(picture())
    document = {"image_url": f"http://127.0.0.1:{website.port}/a.png"}
    alice = factory.add("alice")
    headers = {"Authorization": f"Token {factory.issue(alice, 'token')}"}
    for count, path in enumerate(("/classify-image", "/api/classify-image"), 1):
        assert (await graph.client.post(path, json=document, headers=headers)).status_code == 201
        assert len(graph.gateway.history.page(alice, 5).records) == count
        rejected = await graph.client.post(path, json=document, headers=bearer("rlt_none"))
        assert (rejected.status_code, rejected.json()["code"]) == (401, "invalid_token")


async def test_a_session_cookie_needs_the_cross_site_check(tmp_path: Path) -> None:
    async with running(tmp_path, public_url="https://raylens.test") as graph:
        factory = user_factory(graph)
        alice = factory.add("alice")
        cookie = {"Cookie": f"__Host-raylens_session={factory.issue(alice)}"}
        rejected = await post(graph, cookie)
        assert (rejected.status_code, rejected.json()["code"]) == (403, "cross_site_request")
        ours = {"X-Requested-With": "raylens", "Origin": "https://raylens.test"}
        assert owner(graph, await post(graph, cookie | ours)) == alice
        ended = {"Cookie": f"__Host-raylens_session={new_secret(Prefix.SESSION)}"}
        assert owner(graph, await post(graph, ended)) is None


async def test_invalid_credentials_are_rejected_even_if_none_are_required(graph: Graph) -> None:
    for value in ("", "Bearer", "Bearer x", "Basic YTpi", f"Bearer {Prefix.KEY}{'x' * 43}", "Token ü", "\xff"):
        response = await post(graph, {"Authorization": value.encode("latin-1")})  # type: ignore[dict-item]
        assert response.status_code == 401
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.headers["WWW-Authenticate"] in {'Bearer error="invalid_token"', "Token"}
        assert response.json()["code"] == "invalid_token"
    assert graph.runtime.batches == []


async def test_a_key_without_the_scope_is_denied(graph: Graph, factory: UserFactory) -> None:
    key = factory.issue(factory.add(), "key", frozenset({Scope.HISTORY_READ}))
    response = await post(graph, bearer(key))
    assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")
    assert response.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="classify"'


class Body:
    """A request body that knows whether it was read."""

    taken = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.taken = True
        yield picture()


async def test_anonymous_classification_can_be_disabled(tmp_path: Path) -> None:
    async with running(tmp_path, anonymous=False, public_url="https://raylens.test") as graph:
        factory = user_factory(graph)
        body: Any = Body()
        response = await post(graph, {}, body)
        assert not body.taken
        assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert "https://raylens.test/" in response.json()["detail"], "explains how to sign in"
        alice = factory.add()
        assert owner(graph, await post(graph, bearer(factory.issue(alice, "key", CLASSIFY)))) == alice
        assert graph.gateway.stats.summary()["refusals"] == {"not_authenticated": 1}


async def test_a_full_queue_rejects_before_authentication(tmp_path: Path) -> None:
    narrow = BuildArguments(
        queue=QueueArguments(max_batch=1, batches_per_classifier=1, max_waiting=1),
        classifier=ClassifierArguments(batch_buckets=(1,)),
    )
    async with running(tmp_path, arguments=narrow) as graph:
        graph.runtime.close_gate()
        pending = [asyncio.create_task(graph.classify(data)) for data in different(2)]
        await graph.runtime.is_busy()
        await until(lambda: graph.gateway.model(None).queue.waiting_images == 1)
        assert (await post(graph, bearer("rlt_none"))).status_code == 503
        graph.runtime.gate.set()
        await asyncio.gather(*pending)


async def test_classifications_of_an_application_without_a_user_have_no_owner(graph: Graph) -> None:
    response = await post(graph, bearer(await application_token(graph)))
    assert owner(graph, response) is None
