"""The simulated cluster: replicas on workers on nodes, and the time each of them takes to start."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from benchmarks.simulation.plan import Machine, Plan

AUTOSCALER_EVERY_S: Final = 5
"""Ray's AUTOSCALER_UPDATE_INTERVAL_S."""


@dataclass(eq=False, slots=True)
class _Node:
    ready_at: float
    workers: int = 0
    empty_since: float = 0.0


@dataclass(eq=False, slots=True)
class _Worker:
    node: _Node
    ready_at: float
    free_cpus: float
    replicas: int = 0
    idle_since: float = 0.0


@dataclass(eq=False, slots=True)
class _Replica:
    worker: _Worker
    ready_at: float


@dataclass(slots=True)
class Cluster:
    """Starts with the minimum number of replicas and workers, already warm."""

    plan: Plan
    machine: Machine
    running: Counter[str] = field(default_factory=Counter)
    """Number of running replicas by deployment."""
    _nodes: list[_Node] = field(default_factory=list)
    _workers: list[_Worker] = field(default_factory=list)
    _replicas: dict[str, list[_Replica]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for _ in range(self.plan.workers.least):
            self._add_worker(0.0, warm=True)
        for name, deployment in self.plan.deployments.items():
            self._replicas[name] = []
            self._start(name, deployment.scaling.min_replicas, 0.0, start_s=0.0)
        self._count(0.0)

    @property
    def workers(self) -> int:
        return len(self._workers)

    @property
    def nodes(self) -> int:
        return len(self._nodes)

    def step(self, now: int, targets: Mapping[str, int]) -> None:
        """Advance to second ``now``, moving towards the ``targets``."""
        if all(len(self._replicas[name]) == target for name, target in targets.items()):
            self._autoscale(now, {})
        else:
            self._autoscale(now, {name: self._follow(name, target, now) for name, target in targets.items()})
        self._count(now)

    def _follow(self, name: str, target: int, now: float) -> int:
        """Start or stop replicas of a deployment; return how many do not fit on the running workers."""
        replicas = self._replicas[name]
        while len(replicas) > target:
            # Ray stops replicas that are still starting first, then those on the worker with the fewest replicas.
            victim = max(replicas, key=lambda each: (each.ready_at > now, -each.worker.replicas))
            self._stop(name, victim, now)
        return self._start(name, target - len(replicas), now, self.machine.replica_start_s)

    def _start(self, name: str, count: int, now: float, start_s: float) -> int:
        cpus = self.plan.deployments[name].cpus
        for started in range(count):
            worker = max(
                (each for each in self._workers if each.ready_at <= now and _fits(cpus, each)),
                key=lambda each: each.free_cpus,
                default=None,
            )
            if worker is None:
                return count - started
            worker.free_cpus -= cpus
            worker.replicas += 1
            self._replicas[name].append(_Replica(worker, now + start_s))
        return 0

    def _stop(self, name: str, replica: _Replica, now: float) -> None:
        self._replicas[name].remove(replica)
        worker = replica.worker
        worker.free_cpus += self.plan.deployments[name].cpus
        worker.replicas -= 1
        if not worker.replicas:
            worker.idle_since = now

    def _autoscale(self, now: int, unplaced: Mapping[str, int]) -> None:
        if now % AUTOSCALER_EVERY_S:
            return
        self._add_workers(now, unplaced)
        for worker in [each for each in self._workers if each.ready_at <= now and not each.replicas]:
            idle_s = now - max(worker.idle_since, worker.ready_at)
            if idle_s >= self.plan.workers.idle_s and len(self._workers) > self.plan.workers.least:
                self._workers.remove(worker)
                worker.node.workers -= 1
                worker.node.empty_since = now
        self._nodes = [
            node for node in self._nodes if node.workers or now - node.empty_since < self.machine.node_empty_s
        ]

    def _add_workers(self, now: float, unplaced: Mapping[str, int]) -> None:
        """Add workers for replicas that fit neither on running nor on starting workers, largest first."""
        starting = [each.free_cpus for each in self._workers if each.ready_at > now]
        cpus = sorted(
            (self.plan.deployments[name].cpus for name, count in unplaced.items() for _ in range(count)), reverse=True
        )
        for wanted in cpus:
            place = next((number for number, free in enumerate(starting) if free + 1e-9 >= wanted), None)
            if place is None and len(self._workers) < self.plan.workers.most:
                self._add_worker(now)
                starting.append(self.plan.workers.cpus)
                place = len(starting) - 1
            if place is not None:
                starting[place] -= wanted

    def _add_worker(self, now: float, *, warm: bool = False) -> None:
        room = max(1, int((self.machine.node_cpus + 1e-9) / self.plan.workers.cpus))
        node = next((each for each in self._nodes if each.workers < room), None)
        if node is None:
            node = _Node(now if warm else now + self.machine.node_start_s)
            self._nodes.append(node)
        node.workers += 1
        ready_at = now if warm else max(now, node.ready_at) + self.machine.pod_start_s
        self._workers.append(_Worker(node, ready_at, self.plan.workers.cpus))

    def _count(self, now: float) -> None:
        for name, replicas in self._replicas.items():
            self.running[name] = sum(each.ready_at <= now for each in replicas)


def _fits(cpus: float, worker: _Worker) -> bool:
    return worker.free_cpus + 1e-9 >= cpus
