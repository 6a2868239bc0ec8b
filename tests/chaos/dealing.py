"""Callers that never rest before a few replicas: prints the most calls that each of these had at a time, as JSON.

``python -m tests.chaos.dealing CALLERS REPLICAS`` starts a Ray of its own, for the router is Serve's to call.
"""

import asyncio
import json
import random
import sys
from typing import Any

from serve_app.cluster.ray_cluster import Cluster

CALLS = 40
"""Of each caller."""
FIRST = 5
"""Of these, when connections are yet to be made; not judged."""


class Worker:
    """A stage that takes its time, now more and now less."""

    def __init__(self) -> None:
        self.name = f"{random.getrandbits(64):x}"
        self.under_way = self.most = 0

    async def work(self, judged: bool) -> tuple[str, int]:
        self.under_way += 1
        if judged:
            self.most = max(self.most, self.under_way)
        await asyncio.sleep(random.uniform(0.02, 0.1))
        self.under_way -= 1
        return self.name, self.most


class Callers:
    def __init__(self, workers: Any) -> None:
        self.workers = workers

    async def run(self, callers: int) -> dict[str, int]:
        most: dict[str, int] = {}

        async def call() -> None:
            for number in range(CALLS):
                name, seen = await self.workers.work.remote(number >= FIRST)
                most[name] = max(seen, most.get(name, 0))

        await asyncio.gather(*(call() for _ in range(callers)))
        return most


def main(callers: int, replicas: int) -> None:
    with Cluster(dashboard=False, cpus=1):
        from ray import serve

        from serve_app.app import stage

        idle: Any = {"num_cpus": 0}
        workers = stage(name="Worker", num_replicas=replicas, max_ongoing_requests=64, ray_actor_options=idle)(Worker)
        dealer = serve.deployment(name="Callers", ray_actor_options=idle)(Callers)
        handle: Any = serve.run(dealer.bind(workers.bind()), name="dealing", route_prefix=None)
        handle._init(_run_router_in_separate_loop=True)  # there is no event loop here
        print(json.dumps(handle.run.remote(callers).result(timeout_s=60)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
