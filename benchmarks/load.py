"""Closed-loop load: each connection sends the next request as soon as the response has arrived.

Uses wrk if it is installed, else ``benchmarks.client``, in a separate process.
"""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from benchmarks.command import ROOT

SCRIPT: Final = Path(__file__).with_name("load.lua")
CLIENT_BOTTLENECK: Final = 0.9
"""CPU use from which the single-threaded load generator counts as the bottleneck, cores."""


class LoadFailed(RuntimeError):
    """The load could not be generated; the message says why."""


@dataclass(frozen=True, slots=True)
class Load:
    """Results of one run of the load generator. Latencies in milliseconds."""

    requests: int
    seconds: float
    refused: int
    """Responses with status 400 or above."""
    failed: int
    """Requests without a response."""
    median_ms: float
    p90_ms: float
    p99_ms: float
    client_cores: float
    """CPU seconds per second used by the generator itself."""

    @property
    def images_per_s(self) -> float:
        return self.answers / self.seconds

    @property
    def answers(self) -> int:
        return self.requests - self.refused

    @property
    def client_ms(self) -> float:
        """CPU milliseconds of the generator per answer."""
        return 1e3 * self.client_cores * self.seconds / self.answers

    @property
    def errors(self) -> int:
        return self.refused + self.failed


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests that differ only in their bodies: the files 0, 1, 2, … in ``folder``."""

    path: str
    content_type: str
    folder: Path
    bodies: int
    token: str = ""
    """Bearer token; empty for none."""
    header: str = ""
    """An additional header, as ``Name: value``; empty for none."""

    @classmethod
    @contextmanager
    def of(cls, path: str, content_type: str, bodies: list[bytes]) -> Iterator[Self]:
        with tempfile.TemporaryDirectory(prefix="raylens-bench-") as folder:
            for number, body in enumerate(bodies):
                Path(folder, str(number)).write_bytes(body)
            yield cls(path, content_type, Path(folder), len(bodies))

    def arguments(self) -> list[str]:
        """Command-line arguments of a load generator."""
        return [str(self.folder), str(self.bodies), self.path, self.content_type, self.token, self.header]


def generator() -> str:
    """The load generator that is used: ``wrk`` or ``asyncio client``."""
    return "wrk" if shutil.which("wrk") else "asyncio client"


def run(url: str, workload: Workload, connections: int, seconds: float) -> Load:
    """Generate load on the server at ``url`` (scheme, host, port). Raises LoadFailed."""
    tail = workload.arguments()
    if generator() == "wrk":
        options = ["--threads", "1", "--connections", str(connections), "--duration", f"{max(1, round(seconds))}s"]
        command = ["wrk", *options, "--timeout", "30s", "--script", str(SCRIPT), url, "--", *tail]
    else:
        command = [sys.executable, "-m", "benchmarks.client", url, str(connections), str(seconds), *tail]
    seen, cpu_s = last_line(command, generator())
    return Load(**seen, client_cores=cpu_s / seen["seconds"])


def last_line(command: list[str], name: str) -> tuple[dict[str, Any], float]:
    """Run a load generator; return its last line, which is JSON, and its CPU seconds. Raises LoadFailed."""
    before = _cpu_of_children()
    outcome = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    cpu_s = _cpu_of_children() - before
    try:
        return dict(json.loads(outcome.stdout.strip().rpartition("\n")[2])), cpu_s
    except ValueError:
        raise LoadFailed(f"{name}: {(outcome.stderr or outcome.stdout).strip()[-500:]}") from None


def _cpu_of_children() -> float:
    """CPU seconds of terminated child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
