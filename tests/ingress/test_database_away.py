"""The database goes away: who is known classifies on, whoever has to be looked up is told to wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tests.auth.people import People
from tests.ingress.graph import Graph, until
from tests.ingress.pictures import BLUE, GREEN, RED, picture
from tests.ingress.tokens import bearer

URL = "/api/v1/classifications"
GONE = OperationalError("SELECT", {}, Exception("gone"))


@contextmanager
def failing(error: SQLAlchemyError) -> Iterator[None]:
    with (
        patch("sqlalchemy.engine.Engine.connect", side_effect=error),
        patch("sqlalchemy.engine.Engine.begin", side_effect=error),
    ):
        yield


async def post(graph: Graph, data: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    return await graph.client.post(URL, content=data, headers=headers)


def is_told_to_wait(response: httpx.Response) -> bool:
    assert (response.status_code, response.json()["code"]) == (503, "unavailable"), response.text
    assert "database" in response.json()["detail"]
    return int(response.headers["Retry-After"]) >= 1


async def test_classifying_goes_on_for_who_is_known(graph: Graph, people: People) -> None:
    alice = people.add()
    known, unknown = (people.let_in(alice, "token") for _ in range(2))
    assert (await post(graph, picture(RED), bearer(known))).status_code == 201
    with failing(GONE):
        for data in (picture(RED), picture(BLUE)):
            for headers in (bearer(known), {}):
                assert (await post(graph, data, headers)).status_code == 201
        assert is_told_to_wait(await post(graph, picture(GREEN), bearer(unknown)))
    await until(lambda: graph.results.stage.keeper._recorder.drain() > 0)
    assert len(graph.gateway.history.page(alice, 10).records) == 3, "what was kept meanwhile is theirs, too"
    assert (await post(graph, picture(GREEN), bearer(unknown))).status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/top"),
        ("GET", "/report"),
        ("GET", f"{URL}/{'0' * 32}"),
        ("GET", URL),
        ("GET", f"{URL}/export"),
        ("GET", f"{URL}/export?format=csv"),
        ("DELETE", f"{URL}/{'0' * 32}"),
        ("DELETE", URL),
    ],
)
async def test_what_asks_the_database_is_told_to_wait(graph: Graph, people: People, method: str, path: str) -> None:
    headers = bearer(people.let_in(people.add(), "token"))
    assert (await graph.client.get(URL, headers=headers)).status_code == 200
    with failing(GONE):
        assert is_told_to_wait(await graph.client.request(method, path, headers=headers))


@pytest.mark.parametrize(
    "error",
    [
        GONE,
        InterfaceError("SELECT", {}, Exception("(0, '')")),
        PoolTimeout("QueuePool limit reached"),
        ProgrammingError("SELECT", {}, Exception(1146, "Table 'raylens.users' doesn't exist")),
    ],
)
async def test_away_has_many_names(graph: Graph, error: SQLAlchemyError) -> None:
    with failing(error):
        assert is_told_to_wait(await post(graph, picture(), bearer("rlt_" + "x" * 43)))


async def test_a_defect_is_not_taken_for_an_outage(graph: Graph) -> None:
    transport = httpx.ASGITransport(graph.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://raylens.test") as client:
        with failing(ProgrammingError("SELEKT", {}, Exception(1064, "You have an error in your SQL syntax"))):
            response = await client.get("/report")
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "SELEKT" not in response.text


async def test_a_file_that_breaks_off_is_no_whole_one(graph: Graph, people: People) -> None:
    """What was sent cannot be taken back; without its end nobody takes it for all there is."""

    def pages(_user_id: int) -> Iterator[list[Any]]:
        yield [graph.gateway.history.get(response.json()["id"])]
        raise GONE

    headers = bearer(people.let_in(people.add(), "token"))
    response = await post(graph, picture(), headers)
    with (
        patch.object(graph.gateway.history, "pages", pages),
        pytest.raises(RuntimeError, match="response already started"),
    ):
        await graph.client.get(f"{URL}/export", headers=headers)
