"""A call whose input is lost is given up; one whose replica is lost goes to another, as ever."""

from typing import Any, cast
from unittest.mock import Mock

import pytest
from ray import ActorID, JobID
from ray.exceptions import ActorUnavailableError
from ray.serve._private.common import DeploymentID, ReplicaID

from serve_app.pipeline import is_lost
from serve_app.routing import InputLost, StageRouter

REPLICA = ReplicaID("abc", DeploymentID("Classifier", "raylens"))


def actor_id(number: int) -> ActorID:
    return ActorID(bytes([number]) * 12 + JobID.from_int(1).binary())


@pytest.fixture
def router() -> StageRouter:
    """With one replica, whose actor is the first."""
    router: Any = StageRouter.__new__(StageRouter)
    router._replicas = {REPLICA: Mock(actor_id=actor_id(1))}
    router._replica_queue_len_cache = Mock()
    router._queue_len_gauge_last_update = {}
    return cast("StageRouter", router)


def handle(router: StageRouter, error: Exception) -> None:
    """As Serve does."""
    try:
        raise error
    except ActorUnavailableError:
        router.on_replica_actor_unavailable(REPLICA)


def test_an_actor_that_is_not_the_replica_was_to_give_the_input(router: StageRouter) -> None:
    with pytest.raises(InputLost) as caught:
        handle(router, ActorUnavailableError("gone", actor_id(2).binary()))
    assert is_lost(caught.value), "the chain is tried again"


@pytest.mark.parametrize("who", [actor_id(1).binary(), None])
def test_a_replica_that_cannot_be_reached_is_asked_for_its_queue_before_it_is_sent_more(
    router: Any, who: bytes | None
) -> None:
    handle(router, ActorUnavailableError("gone", who))
    router._replica_queue_len_cache.invalidate_key.assert_called_once_with(REPLICA)


def test_what_is_known_of_the_replica_itself_is_no_error(router: Any) -> None:
    router.on_replica_actor_unavailable(REPLICA)
    router._replica_queue_len_cache.invalidate_key.assert_called_once_with(REPLICA)
