"""Classification history: pages, search, single records, export and deletion."""

import csv
import io
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import patch

import httpx
import pytest
import pytest_asyncio

from auth.principal import Scope, Scopes
from models.labels import labels_of
from models.zoo import resolve_model
from serve_app.statistics import history
from serve_app.statistics.record_writer import write_records
from tests.auth.user_factory import UserFactory
from tests.ingress.graph import LITE0, Graph, running
from tests.ingress.tokens import application_token, bearer
from tests.statistics.examples import example

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "/api/v1/classifications"
LABELS = labels_of(resolve_model(LITE0))
TERRIER, CAT = 187, 281
NUMBER = 25


class Person:
    """A user with 25 classifications, every fifth of them a cat."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.factory = UserFactory(graph.gateway.engine, time.time)
        self.id = self.factory.add(secrets.token_hex(8))
        self.headers = bearer(self.factory.issue(self.id, "token"))
        self.records = [
            example(self.id * 1000 + n, user_id=self.id, predictions=[(index, 0.5), (1, 0.25)], **_class_of(index))
            for n in range(NUMBER)
            for index in [CAT if n % 5 == 0 else TERRIER]
        ]
        write_records(graph.gateway.engine, self.records)

    async def request(self, method: str, path: str = "", **query: Any) -> httpx.Response:
        return await self._graph.client.request(method, URL + path, params=query, headers=self.headers)

    async def get(self, path: str = "", **query: Any) -> Any:
        response = await self.request("GET", path, **query)
        assert response.status_code == 200, response.text
        assert response.headers["Cache-Control"] == "no-store"
        return response.json()

    async def everything(self, **query: Any) -> list[str]:
        """The ids on all pages, newest first."""
        found: list[str] = []
        while True:
            page = await self.get(**query)
            found += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                return found
            query["cursor"] = page["next_cursor"]

    def ids(self) -> list[str]:
        return [record.id for record in reversed(self.records)]

    def with_key(self, *scopes: Scope) -> dict[str, str]:
        return bearer(self.factory.issue(self.id, "key", Scopes(scopes)))


def _class_of(index: int) -> dict[str, str]:
    return {"label": LABELS.name(index), "wnid": LABELS.wnid(index)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graph(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Graph]:
    async with running(tmp_path_factory.mktemp("graph")) as graph:
        yield graph


@pytest.fixture
def alice(graph: Graph) -> Person:
    return Person(graph)


@pytest.fixture
def bob(graph: Graph) -> Person:
    return Person(graph)


async def test_pages_list_own_classifications_newest_first(alice: Person, bob: Person) -> None:
    for limit in (1, 10, 25, 100):
        assert await alice.everything(limit=limit) == alice.ids()


async def test_a_page_has_complete_classifications(alice: Person) -> None:
    page = await alice.get()
    assert len(page["items"]) == 20
    item = page["items"][-1]
    assert item["predictions"][0]["label"] == LABELS.name(CAT)
    assert item == await alice.get(f"/{item['id']}")


async def test_search_by_a_part_of_the_name_or_the_wnid(alice: Person) -> None:
    for label in ("tabby", "TABBY", LABELS.wnid(CAT)):
        assert await alice.everything(label=label, limit=2) == alice.ids()[4::5]
    assert await alice.everything(label="none") == []


async def test_a_limited_search_continues_on_the_next_page(alice: Person) -> None:
    with patch.object(history, "SEARCH_LIMIT", 3):
        page = await alice.get(label="tabby")
        assert page["items"] == []
        assert await alice.everything(label="tabby", limit=1, cursor=page["next_cursor"]) == alice.ids()[4::5]


async def test_a_bad_query_is_rejected(alice: Person) -> None:
    for query in ({"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"cursor": "x"}, {"label": "x" * 101}):
        response = await alice.request("GET", **query)
        assert (response.status_code, response.json()["code"]) == (422, "invalid_parameter"), query


async def test_classifications_of_a_user_are_hidden_from_others(graph: Graph, alice: Person, bob: Person) -> None:
    path = f"{URL}/{alice.records[0].id}"
    for headers in ({}, bob.headers, bearer(await application_token(graph))):
        response = await graph.client.get(path, headers=headers)
        assert (response.status_code, response.json()["code"]) == (404, "unknown_classification")
        none = await graph.client.get(f"{URL}/{'f' * 32}", headers=headers)
        assert none.json()["detail"].replace("f" * 32, "") == response.json()["detail"].replace(alice.records[0].id, "")
    assert (await graph.client.get(path, headers=alice.with_key(Scope.HISTORY_READ))).status_code == 200
    unfit = await graph.client.get(path, headers=alice.with_key(Scope.CLASSIFY))
    assert (unfit.status_code, unfit.json()["code"]) == (403, "insufficient_scope")
    assert (await graph.client.get(path, headers=bearer("rlt_none"))).status_code == 401


async def test_anonymous_classifications_are_public_by_id(graph: Graph, alice: Person) -> None:
    record = example(999_999)
    write_records(graph.gateway.engine, [record])
    for headers in ({}, alice.headers):
        response = await graph.client.get(f"{URL}/{record.id}", headers=headers)
        assert (response.status_code, response.json()["id"]) == (200, record.id)
    assert (await alice.request("DELETE", f"/{record.id}")).status_code == 404


async def test_delete_one(alice: Person, bob: Person) -> None:
    victim = alice.records[7].id
    assert (await bob.request("DELETE", f"/{victim}")).status_code == 404
    assert (await alice.request("DELETE", f"/{victim}")).status_code == 204
    assert (await alice.request("DELETE", f"/{victim}")).status_code == 404
    assert await alice.everything() == [id_ for id_ in alice.ids() if id_ != victim]


async def test_delete_all(alice: Person, bob: Person) -> None:
    response = await alice.request("DELETE")
    assert (response.status_code, response.content) == (204, b"")
    assert await alice.everything() == []
    assert len(await bob.everything()) == NUMBER


@pytest.mark.parametrize("chunk", [1, 7, 100])
async def test_export(alice: Person, chunk: int) -> None:
    with patch.object(history, "_CHUNK", chunk):
        response = await alice.request("GET", "/export")
        assert response.headers["Content-Disposition"] == 'attachment; filename="classifications.json"'
        assert response.headers["Content-Type"] == "application/json"
        items = json.loads(response.content)
        assert [item["id"] for item in items] == alice.ids()
        assert items[0] == await alice.get(f"/{items[0]['id']}")
        response = await alice.request("GET", "/export", format="csv")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["id"] for row in rows] == alice.ids()
    assert rows[0]["label"] == LABELS.name(TERRIER)
    assert {row["image_url"] for row in rows} == {record.url or "" for record in alice.records}


async def test_export_of_an_empty_history(alice: Person) -> None:
    await alice.request("DELETE")
    assert (await alice.request("GET", "/export")).json() == []
    assert len((await alice.request("GET", "/export", format="csv")).text.splitlines()) == 1


async def test_an_export_is_streamed(graph: Graph, alice: Person) -> None:
    read = 0
    pages = graph.gateway.history.pages

    def counted(user_id: int) -> Any:
        nonlocal read
        for page in pages(user_id):
            read += len(page)
            yield page

    with patch.object(history, "_CHUNK", 5), patch.object(graph.gateway.history, "pages", counted):
        app = graph.app
        seen: list[int] = []

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body" and message["body"].count(b'"id"'):
                seen.append(read)

        scope = graph.client.build_request("GET", f"{URL}/export", headers=alice.headers)
        await app(_scope(scope), _nothing, send)
    assert seen == [5, 10, 15, 20, 25], "a page is sent before the next is read"


def _scope(request: httpx.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.url.path,
        "raw_path": request.url.raw_path,
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": ("raylens.test", 80),
    }


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def test_every_route_requires_its_scope(graph: Graph, alice: Person) -> None:
    for method, path, scope in (
        ("GET", "", Scope.HISTORY_READ),
        ("GET", "/export", Scope.HISTORY_READ),
        ("DELETE", "/" + "0" * 32, Scope.HISTORY_WRITE),
        ("DELETE", "", Scope.HISTORY_WRITE),
    ):
        others = [other for other in Scope if other not in {scope, Scope.OPENID, Scope.ADMIN}]
        answers = [
            await graph.client.request(method, URL + path, headers=headers) for headers in ({}, alice.with_key(*others))
        ]
        assert [answer.status_code for answer in answers] == [401, 403]
        assert [answer.headers["WWW-Authenticate"] for answer in answers] == [
            "Bearer",
            f'Bearer error="insufficient_scope", scope="{scope}"',
        ]
    assert len(await alice.everything()) == NUMBER
