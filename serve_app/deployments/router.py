"""The request router of the stages: routes each call to the replica with the fewest calls in flight."""

import random
from collections import Counter
from typing import Any

from ray.serve.request_router import (
    FIFOMixin,
    LocalityMixin,
    PendingRequest,
    ReplicaID,
    RequestRouter,
    RunningReplica,
)

from serve_app.deployments.direct_calls import DirectReplica


class FewestCallsRouter(FIFOMixin, LocalityMixin, RequestRouter):
    """Counts the calls that this ingress sends to each replica.

    Serve's default router draws two replicas at random and compares the load that they last reported. Over gRPC these
    reports are wrong: they arrive when a call ends, with the load at its start, so an idle replica looks busy. Calls
    carry many images each and are few, so Classifiers stayed idle: four reached 70 % of their throughput.

    The calls of other ingresses are unknown. Each ingress distributes its own calls evenly.
    """

    def initialize_state(self, **_: object) -> None:
        self._in_flight: Counter[ReplicaID] = Counter()
        self._rotation: list[ReplicaID] = []
        """All replicas, the one chosen last at the end."""

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """The best replica, then the others in case it rejects the call.

        Equal replicas are used in rotation, because calls that are routed at the same moment are not counted yet.
        """
        local = self.apply_locality_routing(pending_request)
        replicas = {replica.replica_id: replica for replica in candidate_replicas if replica.replica_id in local}
        ranked = sorted((each for each in self._rotation if each in replicas), key=self._in_flight.__getitem__)
        if ranked:
            self._rotation.remove(ranked[0])
            self._rotation.append(ranked[0])
        return [[replicas[each] for each in rank] for rank in (ranked[:1], ranked[1:]) if rank]

    def create_replica_wrapper(self, replica_info: Any) -> RunningReplica:  # noqa: ANN401 - the type is private
        return DirectReplica(replica_info, self._self_node_id)

    def update_replicas(self, replicas: list[RunningReplica]) -> None:
        super().update_replicas(replicas)
        running = {replica.replica_id for replica in replicas}
        new = list(running.difference(self._rotation))
        random.shuffle(new)  # so that not all ingresses begin with the same replica
        self._rotation = new + [each for each in self._rotation if each in running]

    def on_send_request(self, replica_id: ReplicaID) -> None:
        super().on_send_request(replica_id)
        self._in_flight[replica_id] += 1

    def on_request_completed(self, replica_id: ReplicaID, internal_request_id: str) -> None:
        """Serve also calls this for a call that could not be sent, which was not counted."""
        super().on_request_completed(replica_id, internal_request_id)
        if self._in_flight[replica_id] > 1:
            self._in_flight[replica_id] -= 1
        else:
            del self._in_flight[replica_id]
