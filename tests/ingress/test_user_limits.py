"""How many images whoever asks may have classified."""

import time
from pathlib import Path

import pytest

from auth.principal import Scope
from tests.auth.people import People
from tests.ingress.graph import Graph, running
from tests.ingress.pictures import picture
from tests.ingress.tokens import application_token, bearer

URL = "/api/v1/classifications"
CLASSIFY = frozenset({Scope.CLASSIFY})


async def allowed(graph: Graph, headers: dict[str, str], attempts: int = 6) -> int:
    """So many of the attempts were answered; all others were told why not."""
    answered = 0
    for _ in range(attempts):
        response = await graph.client.post(URL, content=picture(), headers=headers)
        answered += response.status_code == 201
        if response.status_code != 201:
            assert (response.status_code, response.json()["code"]) == (429, "rate_limited")
            assert int(response.headers["Retry-After"]) > 0
    return answered


async def test_a_user_has_one_limit_however_they_come(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit_user="4/hour", rate_limit_anonymous="2/hour") as graph:
        people = People(graph.gateway.engine, time.time)
        alice, bob = people.add("alice"), people.add("bob")
        token, key = people.let_in(alice, "token"), people.let_in(alice, "key", CLASSIFY)
        assert await allowed(graph, bearer(token), 3) == 3
        assert await allowed(graph, bearer(key)) == 1
        assert await allowed(graph, {}) == 2, "an address is not a user"
        assert await allowed(graph, bearer(people.let_in(bob, "token"))) == 4


async def test_a_key_has_a_limit_besides_its_users(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit_user="5/hour", rate_limit_key="2/hour") as graph:
        people = People(graph.gateway.engine, time.time)
        alice = people.add()
        keys = [people.let_in(alice, "key", CLASSIFY) for _ in range(2)]
        assert [await allowed(graph, bearer(key)) for key in keys] == [2, 2]
        assert await allowed(graph, bearer(people.let_in(alice, "token"))) == 1, "what keys were refused costs nothing"


@pytest.mark.parametrize("settings", [{"rate_limit_user": "2/hour"}, {"rate_limit_key": "2/hour"}])
async def test_an_application_on_its_own_is_limited_too(tmp_path: Path, settings: dict[str, str]) -> None:
    async with running(tmp_path, rate_limit_anonymous="1/hour", **settings) as graph:
        assert await allowed(graph, bearer(await application_token(graph))) == 2
        assert await allowed(graph, bearer(await application_token(graph))) == 2, "another one"


async def test_a_quota_holds_beside_a_rate(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit_anonymous="100/second, 3/day") as graph:
        assert await allowed(graph, {}) == 3


async def test_who_is_refused_is_not_charged(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit_user="1/hour") as graph:
        people = People(graph.gateway.engine, time.time)
        alice = people.add()
        reader = people.let_in(alice, "key", frozenset({Scope.HISTORY_READ}))
        refused = await graph.client.post(URL, content=picture(), headers=bearer(reader))
        assert refused.status_code == 403
        assert await allowed(graph, bearer(people.let_in(alice, "token"))) == 1
