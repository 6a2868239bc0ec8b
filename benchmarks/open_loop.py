"""Open-loop load: requests are sent at the times of a Poisson process, independent of responses.

Latencies are measured from the scheduled time, which avoids coordinated omission. Runs in a separate process:
python -m benchmarks.open_loop URL RATE SECONDS SEED GOAL_MS, followed by the arguments of a Workload.
"""

import asyncio
import itertools
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Final

from benchmarks.arrivals import poisson
from benchmarks.client import address, read_status, requests_of
from benchmarks.load import Workload, last_line

MAX_CONNECTIONS: Final = 512
"""A request that finds all connections in use is not sent and counts as unanswered."""

SEED: Final = 7
"""Same arrival times for all systems."""

GRACE_S: Final = 2.0
"""Time to wait for the last responses, far above the goal."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Results for one arrival rate."""

    rate: float
    """Scheduled requests per second."""
    seconds: float
    due: int
    """Number of scheduled requests."""
    in_time: int
    """Successful responses within the goal."""
    answered: int
    refused: int
    """Responses with status 400 or above."""
    median_ms: float
    """Of successful responses; 0 if there were none."""
    p99_ms: float
    lag_ms: float
    """99th percentile of the delay with which the generator sent requests."""
    client_cores: float

    @property
    def share(self) -> float:
        """Share of requests answered in time."""
        return self.in_time / self.due if self.due else 1.0

    @property
    def goodput(self) -> float:
        """Images/s answered in time, based on the nominal rate."""
        return self.rate * self.share


def run(url: str, workload: Workload, rate: float, seconds: float, goal_ms: float) -> Arrivals:
    """Raises LoadFailed."""
    command = [sys.executable, "-m", "benchmarks.open_loop", url, str(rate), str(seconds), str(SEED)]
    seen, cpu_s = last_line([*command, str(goal_ms), *workload.arguments()], "open loop")
    return Arrivals(**seen, rate=rate, seconds=seconds, client_cores=cpu_s / seconds)


@dataclass(slots=True)
class _Sender:
    host: str
    port: int
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)
    open: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    refused: int = 0
    unreadable: ValueError | None = None
    """A response that could not be parsed, which is an error of the generator."""

    async def send(self, request: bytes, due: float) -> None:
        if not self.idle and self.open >= MAX_CONNECTIONS:
            return
        self.open += 1
        try:
            reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection(self.host, self.port)
            try:
                writer.write(request)
                status = await read_status(reader)
            except BaseException:
                writer.close()
                raise
            self.idle.append((reader, writer))
        except ValueError as error:
            self.unreadable = error
            return
        except (OSError, EOFError):
            return
        finally:
            self.open -= 1
        if status >= 400:
            self.refused += 1
        else:
            self.latencies_ms.append((time.perf_counter() - due) * 1e3)


async def _run(sender: _Sender, moments: list[float], requests: list[bytes], goal_ms: float) -> str:
    following, tasks, lags_ms = itertools.cycle(requests), set(), [0.0]
    started = time.perf_counter()
    for moment in moments:
        due = started + moment
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        lags_ms.append((time.perf_counter() - due) * 1e3)
        task = asyncio.create_task(sender.send(next(following), due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    if tasks:
        await asyncio.wait(tasks, timeout=GRACE_S)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for _, writer in sender.idle:
        writer.close()
    if sender.unreadable:
        raise sender.unreadable
    return json.dumps(summary(sender.latencies_ms, lags_ms, len(moments), sender.refused, goal_ms))


def summary(
    latencies_ms: list[float], lags_ms: list[float], due: int, refused: int, goal_ms: float
) -> dict[str, float]:
    """The fields of Arrivals known to the sender."""
    return {
        "due": due,
        "in_time": sum(latency <= goal_ms for latency in latencies_ms),
        "answered": len(latencies_ms),
        "refused": refused,
        "median_ms": round(quantile(latencies_ms, 0.5), 3),
        "p99_ms": round(quantile(latencies_ms, 0.99), 3),
        "lag_ms": round(quantile(lags_ms, 0.99), 3),
    }


def quantile(values: list[float], share: float) -> float:
    """0 for an empty list."""
    ordered = sorted(values) or [0.0]
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def main(arguments: list[str]) -> None:
    url, rate, seconds, seed, goal_ms, *workload = arguments
    host, port = address(url)
    moments = poisson(float(rate), float(seconds), int(seed))
    print(asyncio.run(_run(_Sender(host, port), moments, requests_of(host, workload), float(goal_ms))))


if __name__ == "__main__":
    main(sys.argv[1:])
