"""A load generator that does not wait for responses: h2load, which is written in C and uses little CPU time."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from tests.chaos.client import PATH
from tests.servers.process import require

WARM_UP_S = 2
"""Not measured, because all connections open and send at the same time."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Latencies in seconds, by status of the response."""

    seconds: dict[int, list[float]]
    duration_s: float

    def rate(self, status: int) -> float:
        """Responses with this status per second."""
        return len(self.seconds.get(status, [])) / self.duration_s

    def p99(self, status: int) -> float:
        return quantiles(self.seconds[status], n=100)[98]

    def __str__(self) -> str:
        parts = [f"{status}: {self.rate(status):.0f}/s, p99 {self.p99(status):.2f} s" for status in self.seconds]
        return "; ".join(parts)


def generate_load(
    port: int, image: Path, connections: int, duration_s: int, per_second: float | None = None
) -> LoadResult:
    """Send the image repeatedly, ``per_second`` times in total, or without it as fast as responses arrive.

    A connection has at most one request in flight, so a fixed rate needs more connections than the service has room
    for requests.
    """
    log = image.with_suffix(".log")
    log.unlink(missing_ok=True)
    pace = ["--rps", f"{per_second / connections:.3f}"] if per_second else []
    subprocess.run(
        [
            require("h2load", "nghttp2-client"),
            *("--h1", "--threads=1", f"--clients={connections}", f"--duration={duration_s}"),
            *("--data", str(image), "--header", "Content-Type: image/jpeg", "--log-file", str(log)),
            *pace,
            f"http://127.0.0.1:{port}{PATH}?cache=off",
        ],
        check=True,
        capture_output=True,
    )
    rows = [line.split("\t") for line in log.read_text().splitlines()]
    measured_from = min(int(started) for started, _, _ in rows) + WARM_UP_S * 1e6
    seconds: dict[int, list[float]] = {}
    for started, status, microseconds in rows:
        if int(started) >= measured_from:
            seconds.setdefault(int(status), []).append(int(microseconds) / 1e6)
    return LoadResult(seconds, duration_s - WARM_UP_S)
