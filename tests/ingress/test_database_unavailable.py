"""Without the database, anonymous and recently seen clients still classify; everything else responds with 503."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tests.auth.user_factory import UserFactory
from tests.ingress.graph import Graph, until
from tests.ingress.pictures import BLUE, GREEN, RED, picture
from tests.ingress.tokens import bearer

URL = "/api/v1/classifications"
_LOST = OperationalError("SELECT", {}, Exception("gone"))


@contextmanager
def failing(error: SQLAlchemyError) -> Iterator[None]:
    with (
        patch("sqlalchemy.engine.Engine.connect", side_effect=error),
        patch("sqlalchemy.engine.Engine.begin", side_effect=error),
    ):
        yield


async def post(graph: Graph, data: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    return await graph.client.post(URL, content=data, headers=headers)


def is_unavailable(response: httpx.Response) -> bool:
    assert (response.status_code, response.json()["code"]) == (503, "unavailable"), response.text
    assert "database" in response.json()["detail"]
    return int(response.headers["Retry-After"]) >= 1


async def test_recently_seen_users_still_classify(graph: Graph, factory: UserFactory) -> None:
    alice = factory.add()
    known, unknown = (factory.issue(alice, "token") for _ in range(2))
    assert (await post(graph, picture(RED), bearer(known))).status_code == 201
    with failing(_LOST):
        for data in (picture(RED), picture(BLUE)):
            for headers in (bearer(known), {}):
                assert (await post(graph, data, headers)).status_code == 201
        assert is_unavailable(await post(graph, picture(GREEN), bearer(unknown)))
    await until(lambda: graph.results.stage.record_store._recorder.drain() > 0)
    assert len(graph.gateway.history.page(alice, 10).records) == 3, "records from the spool keep their owner"
    assert (await post(graph, picture(GREEN), bearer(unknown))).status_code == 201


async def test_routes_that_need_the_database_respond_with_503(graph: Graph, factory: UserFactory) -> None:
    headers = bearer(factory.issue(factory.add(), "token"))
    assert (await graph.client.get(URL, headers=headers)).status_code == 200
    with failing(_LOST):
        for method, path in (
            ("GET", "/api/v1/top"),
            ("GET", "/report"),
            ("GET", f"{URL}/{'0' * 32}"),
            ("GET", URL),
            ("GET", f"{URL}/export"),
            ("GET", f"{URL}/export?format=csv"),
            ("DELETE", f"{URL}/{'0' * 32}"),
            ("DELETE", URL),
        ):
            assert is_unavailable(await graph.client.request(method, path, headers=headers)), path


async def test_every_kind_of_outage_is_recognized(graph: Graph) -> None:
    for error in (
        _LOST,
        InterfaceError("SELECT", {}, Exception("(0, '')")),
        PoolTimeout("QueuePool limit reached"),
        ProgrammingError("SELECT", {}, Exception(1146, "Table 'raylens.users' doesn't exist")),
    ):
        with failing(error):
            assert is_unavailable(await post(graph, picture(), bearer("rlt_" + "x" * 43))), error


async def test_a_defect_is_not_mistaken_for_an_outage(graph: Graph) -> None:
    transport = httpx.ASGITransport(graph.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://raylens.test") as client:
        with failing(ProgrammingError("SELEKT", {}, Exception(1064, "You have an error in your SQL syntax"))):
            response = await client.get("/report")
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "SELEKT" not in response.text


async def test_an_interrupted_export_is_recognizable(graph: Graph, factory: UserFactory) -> None:
    """The status is already sent, so the response must end without its final chunk."""

    def pages(_user_id: int) -> Iterator[list[Any]]:
        yield [graph.gateway.history.get(response.json()["id"])]
        raise _LOST

    headers = bearer(factory.issue(factory.add(), "token"))
    response = await post(graph, picture(), headers)
    with (
        patch.object(graph.gateway.history, "pages", pages),
        pytest.raises(RuntimeError, match="response already started"),
    ):
        await graph.client.get(f"{URL}/export", headers=headers)
