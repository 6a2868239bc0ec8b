"""Which replica of a stage gets a call: the one with the fewest calls of this ingress under way."""

import random
from collections import Counter

from ray.serve.request_router import (
    FIFOMixin,
    LocalityMixin,
    PendingRequest,
    ReplicaID,
    RequestRouter,
    RunningReplica,
)


class FewestCallsRouter(FIFOMixin, LocalityMixin, RequestRouter):
    """Counts calls itself, where they are sent and where they end.

    Serve's own router draws two replicas by chance and believes what it noted of them. With calls over gRPC that is
    wrong: when a call ends it notes how many were under way when that call began, so that a replica with nothing to do
    passes for busy. Calls carry many images each and are few, and a Classifier that is passed over stands still: four
    did seven tenths of their work.

    Other ingresses' calls are not known here. Each ingress has its share of the calls and deals it out evenly.
    """

    def initialize_state(self, **_: object) -> None:
        self._under_way: Counter[ReplicaID] = Counter()
        self._turns: list[ReplicaID] = []
        """All replicas, the one chosen last at the end."""

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Ranks of replicas: the best alone; the others, should it refuse.

        Of equals the best is the one whose turn it is: calls chosen for at one moment are not counted yet.
        """
        near = self.apply_locality_routing(pending_request)
        replicas = {replica.replica_id: replica for replica in candidate_replicas if replica.replica_id in near}
        ranked = sorted((each for each in self._turns if each in replicas), key=self._under_way.__getitem__)
        if ranked:
            self._turns.remove(ranked[0])
            self._turns.append(ranked[0])
        return [[replicas[each] for each in rank] for rank in (ranked[:1], ranked[1:]) if rank]

    def update_replicas(self, replicas: list[RunningReplica]) -> None:
        super().update_replicas(replicas)
        running = {replica.replica_id for replica in replicas}
        new = list(running.difference(self._turns))
        random.shuffle(new)  # ingresses know nothing of each other, and should not all begin with the same one
        self._turns = new + [each for each in self._turns if each in running]

    def on_send_request(self, replica_id: ReplicaID) -> None:
        super().on_send_request(replica_id)
        self._under_way[replica_id] += 1

    def on_request_completed(self, replica_id: ReplicaID, internal_request_id: str) -> None:
        """Also told of a call that could not be sent, which was not counted."""
        super().on_request_completed(replica_id, internal_request_id)
        if self._under_way[replica_id] > 1:
            self._under_way[replica_id] -= 1
        else:
            del self._under_way[replica_id]
