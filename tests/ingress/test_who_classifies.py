"""Whose a classification is, and who gets none."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from auth.credentials.secret import Prefix, new_secret
from auth.principal import Kind, Scope
from serve_app.config import BuildArguments, ClassifierArguments, QueueArguments
from tests.auth.people import People
from tests.fetch.server import Server, respond
from tests.ingress.graph import Graph, running, until
from tests.ingress.pictures import different, picture
from tests.ingress.tokens import application_token, bearer

URL = "/api/v1/classifications"
CLASSIFY = frozenset({Scope.CLASSIFY})


def people_of(graph: Graph) -> People:
    return People(graph.gateway.engine, time.time)


async def post(graph: Graph, headers: dict[str, str], data: bytes = picture()) -> httpx.Response:
    return await graph.client.post(URL, content=data, headers=headers)


def owner(graph: Graph, response: httpx.Response) -> int | None:
    assert response.status_code == 201, response.text
    return graph.gateway.history.get(response.json()["id"]).user_id


@pytest.mark.parametrize(("kind", "scheme"), [("token", "Token"), ("token", "Bearer"), ("key", "Bearer")])
async def test_what_a_user_has_classified_is_theirs(graph: Graph, people: People, kind: Kind, scheme: str) -> None:
    alice = people.add("alice")
    headers = {"Authorization": f"{scheme} {people.let_in(alice, kind, CLASSIFY)}"}
    for outcome in ("miss", "hit"):
        response = await post(graph, headers)
        assert response.headers["X-Cache"] == outcome
        assert owner(graph, response) == alice
    assert owner(graph, await post(graph, {})) is None


async def test_several_at_once_are_all_theirs(graph: Graph, people: People) -> None:
    alice = people.add("alice")
    files = [("file", (f"{i}.png", data, "image/png")) for i, data in enumerate([*different(3), b"not an image"])]
    response = await graph.client.post(URL, files=files, headers=bearer(people.let_in(alice, "token")))
    *answers, problem = response.json()["items"]
    assert problem["code"] == "unsupported_image"
    assert {graph.gateway.history.get(item["id"]).user_id for item in answers} == {alice}


async def test_who_shares_an_inference_has_a_classification_of_their_own(graph: Graph, people: People) -> None:
    users = [people.add("alice"), people.add("bob")]
    graph.runtime.close_gate()
    flight = [asyncio.create_task(post(graph, bearer(people.let_in(user, "token")))) for user in users]
    await graph.runtime.is_busy()
    await asyncio.sleep(0.05)
    graph.runtime.gate.set()
    responses = await asyncio.gather(*flight)
    assert sorted(response.headers["X-Cache"] for response in responses) == ["miss", "shared"]
    assert [owner(graph, response) for response in responses] == users


@pytest.mark.parametrize("path", ["/classify-image", "/api/classify-image"])
async def test_the_originals_call_too(graph: Graph, people: People, website: Server, path: str) -> None:
    website.answers["/a.png"] = respond(picture())
    document = {"image_url": f"http://127.0.0.1:{website.port}/a.png"}
    alice = people.add("alice")
    headers = {"Authorization": f"Token {people.let_in(alice, 'token')}"}
    assert (await graph.client.post(path, json=document, headers=headers)).status_code == 201
    assert len(graph.gateway.history.page(alice, 5).records) == 1
    refused = await graph.client.post(path, json=document, headers=bearer("rlt_none"))
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")


async def test_a_browser_that_is_signed_in(tmp_path: Path) -> None:
    async with running(tmp_path, public_url="https://raylens.test") as graph:
        people = people_of(graph)
        alice = people.add("alice")
        cookie = {"Cookie": f"__Host-raylens_session={people.let_in(alice)}"}
        refused = await post(graph, cookie)
        assert (refused.status_code, refused.json()["code"]) == (403, "cross_site_request")
        ours = {"X-Requested-With": "raylens", "Origin": "https://raylens.test"}
        assert owner(graph, await post(graph, cookie | ours)) == alice
        ended = {"Cookie": f"__Host-raylens_session={new_secret(Prefix.SESSION)}"}
        assert owner(graph, await post(graph, ended)) is None


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer x", "Basic YTpi", f"Bearer {Prefix.KEY}{'x' * 43}", "Token ü", "\xff"]
)
async def test_a_bad_credential_is_refused_where_none_would_do(graph: Graph, authorization: str) -> None:
    response = await post(graph, {"Authorization": authorization.encode("latin-1")})  # type: ignore[dict-item]
    assert response.status_code == 401
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["WWW-Authenticate"] in {'Bearer error="invalid_token"', "Token"}
    assert response.json()["code"] == "invalid_token"
    assert graph.runtime.batches == []


async def test_a_key_without_the_scope(graph: Graph, people: People) -> None:
    key = people.let_in(people.add(), "key", frozenset({Scope.HISTORY_READ}))
    response = await post(graph, bearer(key))
    assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")
    assert response.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="classify"'


class Body:
    """Tells whether it was read."""

    taken = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.taken = True
        yield picture()


async def test_only_users_classify_where_it_is_said_so(tmp_path: Path) -> None:
    async with running(tmp_path, anonymous=False, public_url="https://raylens.test") as graph:
        people = people_of(graph)
        body: Any = Body()
        response = await post(graph, {}, body)
        assert not body.taken
        assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert "https://raylens.test/" in response.json()["detail"], "says how to get in"
        alice = people.add()
        assert owner(graph, await post(graph, bearer(people.let_in(alice, "key", CLASSIFY)))) == alice
        assert graph.gateway.pulse.summary()["refusals"] == {"not_authenticated": 1}


async def test_a_full_queue_refuses_before_it_asks_who_comes(tmp_path: Path) -> None:
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


async def test_an_application_on_its_own_belongs_to_nobody(graph: Graph) -> None:
    response = await post(graph, bearer(await application_token(graph)))
    assert owner(graph, response) is None
