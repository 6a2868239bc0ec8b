"""Finds out that a child process has ended, before its parent looks."""

import os
import sys
from collections.abc import Container
from pathlib import Path


def dead_child(names: Container[str]) -> str | None:
    """Name and cause of death of an ended child of this process, among those of the given names. Only on Linux.

    The process can still be waited for.
    """
    if sys.platform != "linux":
        return None
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name may contain spaces and parentheses.
            before, _, after = path.read_text().rpartition(")")
            state, parent = after.split()[:2]
            name = before.partition("(")[2]
            if state == "Z" and int(parent) == os.getpid() and name in names:
                return f"{name} ended unexpectedly ({_cause(int(path.parent.name))})"
        except (OSError, ValueError):  # has ended meanwhile
            continue
    return None


def _cause(pid: int) -> str:
    result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if result is None:
        return "unknown"
    killed = result.si_code in {os.CLD_KILLED, os.CLD_DUMPED}
    return f"{'signal' if killed else 'exit status'} {result.si_status}"
