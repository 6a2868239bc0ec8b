"""The CPU limit of a container, which OpenVINO ignores: it would start a thread for each core of the machine."""

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def cores_within_quota(cgroups: Path = _CGROUPS) -> int | None:
    """The cores that the quota of this container amounts to, rounded up; None if it has the use of all of its cores."""
    try:
        quota, period = _quota(cgroups)
    except (OSError, ValueError):  # no container, no limit, or not Linux
        return None
    cores = math.ceil(quota / period) if min(quota, period) > 0 else None
    return cores if cores and cores < _visible_cores() else None


def _quota(cgroups: Path) -> tuple[int, int]:
    """Microseconds of CPU time in each period of so many microseconds. Raises ValueError without a limit."""
    if (version2 := cgroups / "cpu.max").exists():
        quota, period = version2.read_text().split()  # "max 100000" without a limit
        return int(quota), int(period)
    folder = cgroups / "cpu"
    return int((folder / "cpu.cfs_quota_us").read_text()), int((folder / "cpu.cfs_period_us").read_text())


def _visible_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
