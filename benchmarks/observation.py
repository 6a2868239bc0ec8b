"""A run of closed-loop load, and the CPU time that the system used for it."""

from collections.abc import Callable
from typing import Final, Protocol

import psutil

from benchmarks import load
from benchmarks.load import Load, Workload
from benchmarks.processes import CpuTimes, CpuUse

LEAST_WARM_UP_S: Final = 1.0


class Target(Protocol):
    """A running system."""

    @property
    def url(self) -> str: ...

    @property
    def processes(self) -> Callable[[], list[psutil.Process]]: ...


def warm_up(target: Target, workload: Workload, connections: int, seconds: float) -> None:
    """A third of ``seconds``. Raises LoadFailed."""
    load.run(target.url, workload, connections, max(LEAST_WARM_UP_S, seconds / 3))


def observed(target: Target, workload: Workload, connections: int, seconds: float) -> tuple[Load, CpuUse]:
    """Responses and CPU time after a warm-up. Raises LoadFailed."""
    warm_up(target, workload, connections, seconds)
    return observe(target, workload, connections, seconds)


def observe(target: Target, workload: Workload, connections: int, seconds: float) -> tuple[Load, CpuUse]:
    """Responses and CPU time. Processes are listed anew at the end, because replicas may be added under load."""
    before = CpuTimes.of(target.processes())
    seen = load.run(target.url, workload, connections, seconds)
    return seen, before.until(CpuTimes.of(target.processes()))
