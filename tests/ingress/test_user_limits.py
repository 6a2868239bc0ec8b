"""Rate limits of users, keys, applications and anonymous clients."""

import time
from pathlib import Path

import pytest

from auth.principal import Scope
from tests.auth.user_factory import UserFactory
from tests.ingress.graph import Graph, running
from tests.ingress.pictures import picture
from tests.ingress.tokens import application_token, bearer

URL = "/api/v1/classifications"
CLASSIFY = frozenset({Scope.CLASSIFY})


async def allowed(graph: Graph, headers: dict[str, str], attempts: int = 6) -> int:
    """The number of accepted requests; all others must be rejected with 429."""
    answered = 0
    for _ in range(attempts):
        response = await graph.client.post(URL, content=picture(), headers=headers)
        answered += response.status_code == 201
        if response.status_code != 201:
            assert (response.status_code, response.json()["code"]) == (429, "rate_limited")
            assert int(response.headers["Retry-After"]) > 0
    return answered


async def test_all_credentials_of_a_user_share_a_limit(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit_user="4/hour", rate_limit_anonymous="2/hour") as graph:
        factory = UserFactory(graph.gateway.engine, time.time)
        alice, bob = factory.add("alice"), factory.add("bob")
        token, key = factory.issue(alice, "token"), factory.issue(alice, "key", CLASSIFY)
        assert await allowed(graph, bearer(token), 3) == 3
        assert await allowed(graph, bearer(key)) == 1
        assert await allowed(graph, {}) == 2, "an address is not a user"
        assert await allowed(graph, bearer(factory.issue(bob, "token"))) == 4


async def test_a_key_has_an_additional_limit(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit_user="5/hour", rate_limit_key="2/hour") as graph:
        factory = UserFactory(graph.gateway.engine, time.time)
        alice = factory.add()
        keys = [factory.issue(alice, "key", CLASSIFY) for _ in range(2)]
        assert [await allowed(graph, bearer(key)) for key in keys] == [2, 2]
        assert await allowed(graph, bearer(factory.issue(alice, "token"))) == 1, "rejected requests do not count"


@pytest.mark.parametrize("settings", [{"rate_limit_user": "2/hour"}, {"rate_limit_key": "2/hour"}])
async def test_an_application_without_a_user_is_limited(tmp_path: Path, settings: dict[str, str]) -> None:
    async with running(tmp_path, rate_limit_anonymous="1/hour", **settings) as graph:
        assert await allowed(graph, bearer(await application_token(graph))) == 2
        assert await allowed(graph, bearer(await application_token(graph))) == 2, "another application"


async def test_a_rate_and_a_quota_apply_together(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit_anonymous="100/second, 3/day") as graph:
        assert await allowed(graph, {}) == 3


async def test_denied_requests_do_not_count(tmp_path: Path) -> None:
    async with running(tmp_path, rate_limit_user="1/hour") as graph:
        factory = UserFactory(graph.gateway.engine, time.time)
        alice = factory.add()
        reader = factory.issue(alice, "key", frozenset({Scope.HISTORY_READ}))
        denied = await graph.client.post(URL, content=picture(), headers=bearer(reader))
        assert denied.status_code == 403
        assert await allowed(graph, bearer(factory.issue(alice, "token"))) == 1
