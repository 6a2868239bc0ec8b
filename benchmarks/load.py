"""A closed loop of requests: each connection sends the next one as soon as its answer is there.

With wrk where it is installed, else with a client of our own; either runs in a process of its own.
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

ROOT: Final = Path(__file__).parent.parent
SCRIPT: Final = Path(__file__).with_name("load.lua")
BUSY: Final = 0.9
"""Cores from which on a load generator, which has one thread, is the bottleneck."""


class LoadFailed(RuntimeError):
    """No measurement came about; the message says why."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of the generator saw. Latencies in milliseconds."""

    requests: int
    seconds: float
    refused: int
    """Answers with a status of 400 and above."""
    failed: int
    """Requests without an answer."""
    median_ms: float
    p90_ms: float
    p99_ms: float
    client_cores: float
    """CPU seconds a second that the generator itself took."""

    @property
    def images_per_s(self) -> float:
        return self.answers / self.seconds

    @property
    def answers(self) -> int:
        return self.requests - self.refused

    @property
    def errors(self) -> int:
        return self.refused + self.failed


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests that differ in their bodies, which are the files 0, 1, 2, … of ``folder``."""

    path: str
    content_type: str
    folder: Path
    bodies: int
    token: str = ""
    """Sent as a bearer token."""
    header: str = ""
    """One more header, as ``Name: value``."""

    @classmethod
    @contextmanager
    def of(cls, path: str, content_type: str, bodies: list[bytes]) -> Iterator[Self]:
        with tempfile.TemporaryDirectory(prefix="raylens-bench-") as folder:
            for number, body in enumerate(bodies):
                Path(folder, str(number)).write_bytes(body)
            yield cls(path, content_type, Path(folder), len(bodies))

    def arguments(self) -> list[str]:
        """Of a load generator."""
        return [str(self.folder), str(self.bodies), self.path, self.content_type, self.token, self.header]


def generator() -> str:
    """The name of what makes the load: ``wrk`` or ``asyncio client``."""
    return "wrk" if shutil.which("wrk") else "asyncio client"


def run(url: str, workload: Workload, connections: int, seconds: float) -> Load:
    """Load the server at ``url`` (scheme, host, port). Raises LoadFailed."""
    tail = workload.arguments()
    if generator() == "wrk":
        options = ["--threads", "1", "--connections", str(connections), "--duration", f"{max(1, round(seconds))}s"]
        command = ["wrk", *options, "--timeout", "30s", "--script", str(SCRIPT), url, "--", *tail]
    else:
        command = [sys.executable, "-m", "benchmarks.client", url, str(connections), str(seconds), *tail]
    seen, cpu_s = last_line(command, generator())
    return Load(**seen, client_cores=cpu_s / seen["seconds"])


def last_line(command: list[str], name: str) -> tuple[dict[str, Any], float]:
    """Run a load generator: the JSON it ends with, and the CPU seconds it took. Raises LoadFailed."""
    before = _cpu_of_children()
    outcome = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    cpu_s = _cpu_of_children() - before
    try:
        return dict(json.loads(outcome.stdout.strip().rpartition("\n")[2])), cpu_s
    except ValueError:
        raise LoadFailed(f"{name}: {(outcome.stderr or outcome.stdout).strip()[-500:]}") from None


def _cpu_of_children() -> float:
    """CPU seconds of the children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
