"""Direct calls within Serve while replicas stop, die and are full; prints what happened, as JSON.

``python -m tests.chaos.direct_calls_load`` starts its own Ray, because only Serve stops replicas.
"""

import asyncio
import json
import os
import signal
from collections import Counter
from typing import Any

from serve_app.cluster.port_block import PortBlock
from serve_app.cluster.ray_cluster import NewCluster, RayCluster
from serve_app.cluster.ray_flags import FLAGS, private_flags
from serve_app.cluster.run_folder import RunFolder

REPLICAS = 3
LIMIT = 2
"""Calls that a replica accepts at a time."""
LONG_S = 4.0
"""Longer than a replica without calls takes to stop."""


class Worker:
    """A deployment of long calls."""

    def __init__(self) -> None:
        self.in_flight = self.most = 0

    async def work(self, seconds: float) -> tuple[int, int]:
        """Its process, and the most concurrent calls that it had."""
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.in_flight -= 1
        return os.getpid(), self.most

    async def running(self) -> int:
        """Calls in progress, including this one if it were one."""
        return self.in_flight


class Callers:
    """A deployment that calls the workers."""

    def __init__(self, workers: Any) -> None:
        self.workers = workers
        self.by_grpc = 0

    async def warm_up(self) -> None:
        """Until all replicas are connected; later calls by gRPC are counted."""
        from ray.serve.request_router import RunningReplica

        send = RunningReplica.try_send_request

        def count(*arguments: Any) -> Any:
            self.by_grpc += 1
            return send(*arguments)

        await asyncio.gather(*(self.workers.work.remote(0.2) for _ in range(REPLICAS)))
        await asyncio.sleep(1)
        RunningReplica.try_send_request = count

    async def grpc_calls(self) -> int:
        return self.by_grpc

    async def run(self, calls: int, seconds: float) -> tuple[dict[int, int], int, list[str]]:
        """Calls by process, the most concurrent calls of a process, and the errors."""
        found = await asyncio.gather(*(self._call(seconds) for _ in range(calls)), return_exceptions=True)
        errors = [f"{type(error).__name__}" for error in found if isinstance(error, BaseException)]
        replies = [reply for reply in found if not isinstance(reply, BaseException)]
        return Counter(pid for pid, _ in replies), max((most for _, most in replies), default=0), errors

    async def cancel(self) -> int:
        """Calls that still run in the workers after theirs was cancelled."""
        call = asyncio.ensure_future(self._call(60))
        await asyncio.sleep(0.5)
        call.cancel()
        await asyncio.sleep(0.5)
        running: list[int] = [await self.workers.running.remote() for _ in range(2 * REPLICAS)]
        return max(running)

    async def _call(self, seconds: float) -> tuple[int, int]:
        reply: tuple[int, int] = await self.workers.work.remote(seconds)
        return reply


def main() -> None:
    folder, ports = RunFolder(), PortBlock()
    os.environ.update(FLAGS | private_flags(folder.path, ports, dashboard=False))
    with RayCluster(NewCluster(str(folder.path), 1, dashboard=False, metrics_port=ports.ray_metrics_port)):
        from ray import serve

        serve.start(proxy_location="Disabled")  # nothing but the deployments
        from serve_app.app import stage_deployment
        from serve_app.cluster.ray_internals import use_without_event_loop
        from serve_app.deployments.direct_calls import AnswersDirectCalls

        no_cpus: Any = {"num_cpus": 0}
        callers = serve.deployment(name="Callers", ray_actor_options=no_cpus)(Callers)

        direct_worker = type("DirectWorker", (AnswersDirectCalls, Worker), {})

        def run(replicas: int) -> Any:
            workers = stage_deployment(direct_worker, "Worker").options(
                num_replicas=replicas, max_ongoing_requests=LIMIT, ray_actor_options=no_cpus, health_check_period_s=1
            )
            return serve.run(callers.bind(workers.bind()), name="direct-calls", route_prefix=None)

        handle = run(REPLICAS)
        use_without_event_loop(handle)
        handle.warm_up.remote().result(timeout_s=60)
        found: dict[str, Any] = {}
        calls, most, errors = handle.run.remote(REPLICAS * LIMIT, 0.5).result(timeout_s=60)
        found["even"] = (sorted(calls.values()), most, errors, handle.grpc_calls.remote().result(timeout_s=60))
        calls, most, errors = handle.run.remote(REPLICAS * LIMIT + 3, 0.5).result(timeout_s=60)
        found["full"] = (sum(calls.values()), most, errors)
        found["cancelled"] = handle.cancel.remote().result(timeout_s=60)
        dying = handle.run.remote(REPLICAS * LIMIT, LONG_S)
        victim = next(iter(calls))
        os.kill(victim, signal.SIGKILL)
        calls, _, errors = dying.result(timeout_s=60)
        found["killed"] = (sum(calls.values()), errors)
        stopping = handle.run.remote(LIMIT, LONG_S)
        run(1)
        calls, _, errors = stopping.result(timeout_s=60)
        found["stopped"] = (sum(calls.values()), errors)
        print(json.dumps(found), flush=True)
    folder.close()


if __name__ == "__main__":
    main()
