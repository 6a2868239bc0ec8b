"""Keeps a fixed number of calls to several replicas in flight and prints the most concurrent calls of each, as JSON.

``python -m tests.chaos.router_load CALLERS REPLICAS`` starts its own Ray, because only Serve calls the router.
"""

import asyncio
import json
import os
import random
import sys
from typing import Any

from serve_app.cluster.port_block import PortBlock
from serve_app.cluster.ray_cluster import NewCluster, RayCluster
from serve_app.cluster.ray_flags import FLAGS, private_flags
from serve_app.cluster.run_folder import RunFolder

CALLS = 40
"""Number of calls per caller."""
WARM_UP = 5
"""Number of first calls per caller that are not counted, because Serve opens connections meanwhile."""


class Worker:
    """A deployment whose calls take a random time."""

    def __init__(self) -> None:
        self.name = f"{random.getrandbits(64):x}"
        self.in_flight = self.most = 0

    async def work(self, counted: bool) -> tuple[str, int]:
        self.in_flight += 1
        if counted:
            self.most = max(self.most, self.in_flight)
        await asyncio.sleep(random.uniform(0.02, 0.1))
        self.in_flight -= 1
        return self.name, self.most


class Callers:
    """A deployment that calls the workers; each caller sends its next call when the previous one has returned."""

    def __init__(self, workers: Any) -> None:
        self.workers = workers

    async def run(self, callers: int) -> dict[str, int]:
        """Most concurrent calls by replica."""
        most: dict[str, int] = {}

        async def call() -> None:
            for number in range(CALLS):
                name, seen = await self.workers.work.remote(number >= WARM_UP)
                most[name] = max(seen, most.get(name, 0))

        await asyncio.gather(*(call() for _ in range(callers)))
        return most


def main(callers: int, replicas: int) -> None:
    folder, ports = RunFolder(), PortBlock()
    os.environ.update(FLAGS | private_flags(folder.path, ports, dashboard=False))
    with RayCluster(NewCluster(str(folder.path), 1, dashboard=False, metrics_port=ports.ray_metrics_port)):
        from ray import serve

        serve.start(proxy_location="Disabled")  # nothing but the deployments
        from serve_app.app import stage_deployment
        from serve_app.cluster.ray_internals import use_without_event_loop
        from serve_app.deployments.direct_calls import AnswersDirectCalls

        no_cpus: Any = {"num_cpus": 0}
        workers = stage_deployment(type("DirectWorker", (AnswersDirectCalls, Worker), {}), "Worker").options(
            num_replicas=replicas, max_ongoing_requests=64, ray_actor_options=no_cpus
        )
        deployment = serve.deployment(name="Callers", ray_actor_options=no_cpus)(Callers)
        handle: Any = serve.run(deployment.bind(workers.bind()), name="router-load", route_prefix=None)
        use_without_event_loop(handle)
        print(json.dumps(handle.run.remote(callers).result(timeout_s=60)))
    folder.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
