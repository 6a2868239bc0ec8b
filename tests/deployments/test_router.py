"""The rule by which calls are dealt out; tests/chaos/test_routing.py has Serve apply it."""

from collections import Counter
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from ray.serve.request_router import PendingRequest, RequestRouter

from serve_app.deployments.router import FewestCallsRouter


class Router(FewestCallsRouter):
    """Without the parts that speak to replicas."""

    def __init__(self, *names: str) -> None:
        self._use_replica_queue_len_cache = False
        self._prefer_local_node_routing = self._prefer_local_az_routing = False
        self.initialize_state()
        self.replicas: list[Any] = [SimpleNamespace(replica_id=name) for name in names]
        self._replica_id_set = set(names)
        with patch.object(RequestRouter, "update_replicas"):
            self.update_replicas(self.replicas)

    async def ranks(self) -> list[list[str]]:
        request: Any = SimpleNamespace(routing_context=SimpleNamespace(should_backoff=False))
        ranks = await self.choose_replicas(self.replicas, request)
        assert request.routing_context.should_backoff, "or Serve asks again without a pause"
        return [[replica.replica_id for replica in rank] for rank in ranks]

    async def send(self) -> str:
        [[best], *_] = await self.ranks()
        self.on_send_request(best)
        return best


async def test_the_one_with_the_fewest_calls():
    router = Router("a", "b", "c")
    for name in "aabcc":
        router.on_send_request(name)
    assert (await router.ranks())[0] == ["b"]
    router.on_request_completed("a", "")
    router.on_request_completed("a", "")
    assert (await router.ranks())[0] == ["a"]


async def test_the_others_follow_should_it_refuse():
    router = Router("a", "b", "c")
    router.on_send_request("b")
    [best, others] = await router.ranks()
    assert len(best) == 1
    assert {*best, *others} == {"a", "b", "c"}
    assert others[-1] == "b"


@pytest.mark.parametrize("names", ["", "a"])
async def test_no_choice(names: str):
    router = Router(*names)
    assert await router.ranks() == [[name] for name in names]


async def test_calls_of_one_moment_are_dealt_out_before_any_is_counted():
    router = Router(*"abcd")
    chosen = Counter([(await router.ranks())[0][0] for _ in range(8)])
    assert chosen == dict.fromkeys("abcd", 2)


async def test_whatever_ends_when_all_have_as_many():
    router = Router(*"abcd")
    under_way = [await router.send() for _ in range(8)]
    for step in range(100):
        ended = under_way.pop(step * 7 % len(under_way))
        router.on_request_completed(ended, "")
        under_way.append(await router.send())
        assert Counter(under_way) == dict.fromkeys("abcd", 2)


async def test_ingresses_do_not_all_begin_with_the_same_one():
    assert {await Router(*"abcd").send() for _ in range(200)} == set("abcd")


async def test_a_call_that_could_not_be_sent_counts_for_nothing():
    router = Router("a", "b")
    router.on_request_completed("a", "")
    router.on_send_request("a")
    assert (await router.ranks())[0] == ["b"]


async def test_who_is_gone_is_forgotten():
    router = Router("a", "b")
    await router.send()
    with patch.object(RequestRouter, "update_replicas"):
        router.update_replicas([router.replicas[1]])
    assert set(router._turns) == {"b"}


async def test_the_request_of_serve_has_what_is_set():
    assert not PendingRequest([], {}, SimpleNamespace()).routing_context.should_backoff
