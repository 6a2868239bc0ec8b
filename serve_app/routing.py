"""How a call finds its replica: Ray Serve's own way, but a call whose input is lost is given up.

A stage's result is passed on un-awaited. Where its replica is on a machine that was lost, and Ray does not know of that
yet, the next stage's call fails with the word that an actor cannot be reached. Serve takes the replica it had just
chosen for that actor, though it is well, and sends the call to another one, over and over: the input stays lost.
"""

import sys

from ray.exceptions import ActorUnavailableError
from ray.serve._private.request_router import PowerOfTwoChoicesRequestRouter
from ray.serve.request_router import ReplicaID


class InputLost(ConnectionError):
    """The replica that a call's input was to come from cannot be reached; the whole chain has to be tried again."""


class StageRouter(PowerOfTwoChoicesRequestRouter):  # type: ignore[misc]  # Ray says nothing of its types
    """For the stages that take the result of another one."""

    def on_replica_actor_unavailable(self, replica_id: ReplicaID) -> None:
        """Serve calls it while it handles the error, or when the replica is known to be the one. Raises InputLost."""
        error = sys.exc_info()[1]
        replica = self.curr_replicas.get(replica_id)
        if (
            isinstance(error, ActorUnavailableError)
            and replica
            and error.actor_id not in {None, replica.actor_id.hex()}
        ):
            raise InputLost(str(error)) from error
        super().on_replica_actor_unavailable(replica_id)
