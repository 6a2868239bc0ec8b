"""Who sees which image URLs: in the public lists, in one's own, and through the cache."""

import asyncio
import time
from pathlib import Path

import pytest

from auth.principal import Scope
from tests.auth.user_factory import UserFactory
from tests.fetch.server import Server, respond
from tests.ingress.graph import Graph, running, until
from tests.ingress.pictures import GREEN, RED, picture
from tests.ingress.tokens import application_token, bearer

CLASSIFICATIONS = "/api/v1/classifications"
SECRET = "?signature=topsecret"
Headers = dict[str, str]


@pytest.fixture
def base(website: Server) -> str:
    """A folder of images, the same with any query."""
    for path, colour in (("/red.png", RED), ("/green.png", GREEN)):
        website.answers[path] = website.answers[path + SECRET] = respond(picture(colour))
    return f"http://127.0.0.1:{website.port}"


def _users(factory: UserFactory, number: int) -> list[Headers]:
    return [bearer(factory.issue(factory.add(f"user{n}"), "token")) for n in range(number)]


async def _classify(graph: Graph, url: str, headers: Headers | None = None) -> str:
    """The outcome of the cache."""
    response = await graph.client.post(CLASSIFICATIONS, json={"image_url": url}, headers=headers)
    assert response.status_code == 201, response.text
    return response.headers["X-Cache"]


async def _everything_public(graph: Graph, headers: Headers | None = None) -> str:
    """All that anybody can read about the requests of others."""
    paths = ["/report", "/api/v1/pipeline", *(f"/api/v1/top?by={by}&limit=100" for by in ("image", "label"))]
    return "\n".join([(await graph.client.get(path, headers=headers)).text for path in paths])


async def _top(graph: Graph, headers: Headers | None = None, scope: str = "mine") -> dict[str, int]:
    response = await graph.client.get("/api/v1/top", params={"scope": scope}, headers=headers)
    assert response.status_code == 200, response.text
    document = response.json()
    assert document["scope"] == scope
    assert response.headers.get("Cache-Control") == ("no-store" if scope == "mine" else None)
    return {row["image_url"]: row["classification_count"] for row in document["items"]}


async def test_a_url_with_a_query_is_public_for_nobody(graph: Graph, factory: UserFactory, base: str) -> None:
    alice, bob, carol = _users(factory, 3)
    for headers in (alice, bob, carol, None):
        await _classify(graph, f"{base}/red.png{SECRET}", headers)
    assert "red.png" not in await _everything_public(graph, alice)
    assert await _top(graph, alice) == {f"{base}/red.png{SECRET}": 1}


async def test_a_url_of_one_user_is_public_only_through_others(graph: Graph, factory: UserFactory, base: str) -> None:
    alice, bob, carol = _users(factory, 3)
    for headers in (alice, alice, bob):
        await _classify(graph, f"{base}/red.png", headers)
    assert base not in await _everything_public(graph, bob)
    await _classify(graph, f"{base}/red.png", carol)
    assert await _top(graph, scope="public") == {f"{base}/red.png": 4}
    assert await _top(graph, alice) == {f"{base}/red.png": 2}


async def test_deletion_reaches_the_public_lists(graph: Graph, factory: UserFactory, base: str) -> None:
    alice, bob = _users(factory, 2)
    carol = factory.add("carol")
    for headers in (alice, bob, bearer(factory.issue(carol, "token"))):
        await _classify(graph, f"{base}/red.png", headers)
        await _classify(graph, f"{base}/green.png", headers)
    await _classify(graph, f"{base}/green.png")
    item = (await graph.client.get(CLASSIFICATIONS, headers=alice)).json()["items"][-1]
    assert item["image"]["url"] == f"{base}/red.png"
    assert (await graph.client.delete(f"{CLASSIFICATIONS}/{item['id']}", headers=alice)).status_code == 204
    assert await _top(graph, scope="public") == {f"{base}/green.png": 4}
    assert (await graph.client.delete(CLASSIFICATIONS, headers=bob)).status_code == 204
    await graph.gateway.auth.erase_user_data(carol)  # as when the account is deleted
    assert await _top(graph, scope="public") == {f"{base}/green.png": 2}
    assert await _top(graph, bob) == {}


async def test_lists_require_an_account_where_classification_does(tmp_path: Path) -> None:
    async with running(tmp_path, anonymous=False) as graph:
        headers = _users(UserFactory(graph.gateway.engine, time.time), 1)[0]
        for path in ("/report", "/api/report", "/api/v1/top", "/api/v1/top?by=label"):
            refused = await graph.client.get(path)
            assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
            assert (await graph.client.get(path, headers=headers)).status_code == 200


async def test_the_own_list_requires_the_permission_to_read_the_history(graph: Graph, factory: UserFactory) -> None:
    key = bearer(factory.issue(factory.add(), "key", frozenset({Scope.CLASSIFY})))
    own = "/api/v1/top?scope=mine"
    assert (await graph.client.get(own)).status_code == 401
    assert (await graph.client.get(own, headers=key)).json()["code"] == "insufficient_scope"
    assert (await graph.client.get(own, headers=bearer(await application_token(graph)))).status_code == 403
    assert (await graph.client.get("/api/v1/top?scope=ours")).status_code == 422


async def test_users_do_not_get_results_for_urls_that_they_cannot_fetch(
    graph: Graph, factory: UserFactory, website: Server, base: str
) -> None:
    """Such as signed ones that have expired; nor does the cache tell that somebody else requested them."""
    alice, bob = _users(factory, 2)
    url = f"{base}/red.png{SECRET}"
    assert [await _classify(graph, url, alice) for _ in range(2)] == ["miss", "hit"]
    assert len(website.requests) == 1
    website.answers[f"/red.png{SECRET}"] = respond(status="403 Forbidden")
    for headers in (bob, None):
        response = await graph.client.post(CLASSIFICATIONS, json={"image_url": url}, headers=headers)
        assert (response.status_code, response.json()["code"]) == (422, "fetch_failed")
        assert SECRET not in response.text
    assert await _classify(graph, url, alice) == "hit"


async def test_users_do_not_share_a_fetch_in_progress(
    graph: Graph, factory: UserFactory, website: Server, base: str
) -> None:
    """Nor learn from its duration that somebody else is requesting the URL; requests of one user share it."""
    alice, bob = _users(factory, 2)
    free = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        await free.wait()
        writer.write(respond(picture(RED)))

    website.answers["/slow.png"] = answer
    calls = [asyncio.create_task(_classify(graph, f"{base}/slow.png", user)) for user in (alice, alice, bob, None)]
    await until(lambda: len(website.requests) == 3)
    free.set()
    await asyncio.gather(*calls)
    assert len(website.requests) == 3
