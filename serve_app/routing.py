"""Which replica of a stage gets a call: the one with the fewest calls of this ingress under way."""

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


class FewestCallsRouter(FIFOMixin, LocalityMixin, RequestRouter):  # type: ignore[misc]
    """Counts calls itself, where they are sent and where they end.

    Serve's own router draws two replicas by chance and believes what it noted of them. With calls over gRPC that is
    wrong: when a call ends it notes how many were under way when that call began, so that a replica with nothing to do
    passes for busy. Calls carry many images each and are few, and a Classifier that is passed over stands still: four
    did seven tenths of their work.

    Other ingresses' calls are not known here. Each ingress has its share of the calls and deals it out evenly.
    """

    def initialize_state(self, **_: Any) -> None:  # noqa: ANN401 — Serve's signature
        self._under_way: Counter[ReplicaID] = Counter()
        self._turns: dict[ReplicaID, float] = {}
        """When each was chosen last, in choices."""
        self._choices = 0

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Ranks of replicas: the best alone; the others, should it refuse."""
        near = self.apply_locality_routing(pending_request)
        replicas = [replica for replica in candidate_replicas if replica.replica_id in near]
        replicas.sort(key=self._preference)
        if replicas:
            self._choices += 1
            self._turns[replicas[0].replica_id] = self._choices
        return [rank for rank in (replicas[:1], replicas[1:]) if rank]

    def _preference(self, replica: RunningReplica) -> tuple[int, float]:
        """Least first. Of equals the one whose turn it is: calls chosen for at one moment are not counted yet.

        Where none had a turn, chance decides: ingresses know nothing of each other, and should not all begin alike.
        """
        turn = self._turns.setdefault(replica.replica_id, random.random())  # noqa: S311 - an order, not a secret
        return self._under_way[replica.replica_id], turn

    def update_replicas(self, replicas: list[RunningReplica]) -> None:
        super().update_replicas(replicas)
        running = {replica.replica_id for replica in replicas}
        self._turns = {replica_id: turn for replica_id, turn in self._turns.items() if replica_id in running}

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
