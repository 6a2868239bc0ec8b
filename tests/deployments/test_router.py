"""The rule of the router; tests/chaos/test_routing.py tests it within Serve."""

from collections import Counter
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from ray.serve.request_router import LocalityMixin, PendingRequest, RequestRouter

from serve_app.deployments.router import FewestCallsRouter


class Router(FewestCallsRouter):
    """Without the parts that communicate with replicas."""

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
        assert request.routing_context.should_backoff, "otherwise Serve tries again without a pause"
        return [[replica.replica_id for replica in rank] for rank in ranks]

    async def send(self) -> str:
        [[best], *_] = await self.ranks()
        self.on_send_request(best)
        return best


async def test_the_replica_with_the_fewest_calls_is_chosen():
    router = Router("a", "b", "c")
    for name in "aabcc":
        router.on_send_request(name)
    assert (await router.ranks())[0] == ["b"]
    router.on_request_completed("a", "")
    router.on_request_completed("a", "")
    assert (await router.ranks())[0] == ["a"]


async def test_the_other_replicas_follow_in_case_it_rejects():
    router = Router("a", "b", "c")
    router.on_send_request("b")
    [best, others] = await router.ranks()
    assert len(best) == 1
    assert {*best, *others} == {"a", "b", "c"}
    assert others[-1] == "b"


@pytest.mark.parametrize("names", ["", "a"])
async def test_no_replica_and_a_single_one(names: str):
    router = Router(*names)
    assert await router.ranks() == [[name] for name in names]


async def test_simultaneous_calls_are_distributed_before_any_is_counted():
    router = Router(*"abcd")
    chosen = Counter([(await router.ranks())[0][0] for _ in range(8)])
    assert chosen == dict.fromkeys("abcd", 2)


async def test_calls_stay_balanced_whichever_ends_first():
    router = Router(*"abcd")
    in_flight = [await router.send() for _ in range(8)]
    for step in range(100):
        ended = in_flight.pop(step * 7 % len(in_flight))
        router.on_request_completed(ended, "")
        in_flight.append(await router.send())
        assert Counter(in_flight) == dict.fromkeys("abcd", 2)


async def test_ingresses_start_with_different_replicas():
    assert {await Router(*"abcd").send() for _ in range(200)} == set("abcd")


async def test_a_call_that_could_not_be_sent_does_not_count():
    router = Router("a", "b")
    router.on_request_completed("a", "")
    router.on_send_request("a")
    assert (await router.ranks())[0] == ["b"]


async def test_removed_replicas_are_forgotten():
    router = Router("a", "b")
    await router.send()
    with patch.object(RequestRouter, "update_replicas"):
        router.update_replicas([router.replicas[1]])
    assert set(router._rotation) == {"b"}


async def test_requests_of_serve_have_the_attribute_that_the_router_sets():
    assert not PendingRequest([], {}, SimpleNamespace()).routing_context.should_backoff


async def test_replicas_are_called_directly_from_their_own_machine(monkeypatch: pytest.MonkeyPatch):
    """Serve's router creates its replicas with this method, and knows its machine by this attribute."""
    monkeypatch.setattr("serve_app.deployments.router.DirectReplica", lambda info, node_id: (info, node_id))
    router = Router()
    router._self_node_id = "this machine"
    assert router.create_replica_wrapper("info") == ("info", "this machine")
    assert "create_replica_wrapper" in RequestRouter._update_running_replicas.__code__.co_names
    assert "_self_node_id" in LocalityMixin.__init__.__code__.co_names
