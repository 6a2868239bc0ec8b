"""A load generator that does not wait for answers: h2load, in C, so that it leaves the two cores to the service."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from tests.chaos.client import PATH
from tests.servers.process import require

OPENING_S = 2
"""At the start all connections open and send at once, which is no steady stream; this is left out of the count."""


@dataclass(frozen=True, slots=True)
class Flood:
    """What came of it: seconds until the end of each response, by status."""

    seconds: dict[int, list[float]]
    duration_s: float

    def rate(self, status: int) -> float:
        """Responses of this status a second."""
        return len(self.seconds.get(status, [])) / self.duration_s

    def p99(self, status: int) -> float:
        return quantiles(self.seconds[status], n=100)[98]

    def __str__(self) -> str:
        parts = [f"{status}: {self.rate(status):.0f}/s, p99 {self.p99(status):.2f} s" for status in self.seconds]
        return "; ".join(parts)


def flood(port: int, image: Path, connections: int, duration_s: int, per_second: float | None = None) -> Flood:
    """Send the image over and over: as fast as answers come, or so many a second in all whatever comes of them.

    A connection has one request under way, so ``connections`` must be more than the service holds on to.
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
    began = min(int(started) for started, _, _ in rows) + OPENING_S * 1e6
    seconds: dict[int, list[float]] = {}
    for started, status, microseconds in rows:
        if int(started) >= began:
            seconds.setdefault(int(status), []).append(int(microseconds) / 1e6)
    return Flood(seconds, duration_s - OPENING_S)
