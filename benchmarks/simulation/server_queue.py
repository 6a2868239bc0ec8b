"""A first-in, first-out queue with several servers and a bounded waiting room.

All service times within a step are equal, so customers leave in order of arrival, and customer n uses the server of
customer n - ``servers``. Start times are therefore computed for ``servers`` chains at once with array operations: a
start is the maximum over the own arrival and the earlier arrivals of the chain, plus the services between them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.float64]
"""Seconds since the start of the day, ascending."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """Outcome of one step."""

    latencies: Times
    """Waiting plus service time of customers whose service began, seconds."""
    refused: int
    waiting: int
    """Customers whose service has not begun at the end of the step."""


class ServerQueue:
    """A G/D/c queue with a bounded waiting room. Service time and number of servers may change between steps."""

    def __init__(self, servers: int) -> None:
        self._free: Times = np.zeros(servers)
        self._backlog: Times = np.empty(0)

    @property
    def waiting(self) -> int:
        return len(self._backlog)

    def in_service(self, now: float) -> int:
        return int(np.count_nonzero(self._free > now))

    def resize(self, servers: int, now: float) -> None:
        """Add idle servers, or remove servers after they finish their current customer."""
        if servers > len(self._free):
            self._free = np.sort(np.append(self._free, np.full(servers - len(self._free), now)))
        self._free = self._free[len(self._free) - servers :]

    def step(self, arrivals: Times, until: float, service_s: float, room: int) -> StepResult:
        """Process ``arrivals``, which lie between the previous step and ``until``; at most ``room`` customers wait."""
        times = np.concatenate((self._backlog, arrivals))
        starts = self._starts(times, service_s)
        places = np.arange(len(times)) - np.searchsorted(starts, times, "right")
        refused = 0
        if np.any(places[len(self._backlog) :] >= room):
            times = self._admitted(starts[: len(self._backlog)], arrivals, service_s, room)
            refused = len(self._backlog) + len(arrivals) - len(times)
            starts = self._starts(times, service_s)
        begun = int(np.searchsorted(starts, until, "left"))
        busy_until = np.concatenate((self._free, starts[:begun] + service_s))
        self._free = np.sort(busy_until[begun:])
        self._backlog = times[begun:]
        return StepResult(starts[:begun] - times[:begun] + service_s, refused, len(self._backlog))

    def _starts(self, times: Times, service_s: float) -> Times:
        servers = len(self._free)
        rounds = -(-len(times) // servers)
        padded = np.full(rounds * servers, np.inf)
        padded[: len(times)] = times
        services = np.arange(rounds)[:, np.newaxis] * service_s
        latest = np.maximum.accumulate(
            np.maximum(padded.reshape(rounds, servers) - services, self._free[np.newaxis, :]), axis=0
        )
        starts: Times = (latest + services).ravel()[: len(times)]
        return starts

    def _admitted(self, waiting: Times, arrivals: Times, service_s: float, room: int) -> Times:
        """The backlog and the admitted arrivals. Sequential, because admission depends on earlier admissions."""
        free, starts, begun = self._free.tolist(), waiting.tolist(), 0
        admitted = self._backlog.tolist()
        servers = len(free)
        for arrival in arrivals.tolist():
            while begun < len(starts) and starts[begun] <= arrival:
                begun += 1
            if len(starts) - begun >= room:
                continue
            place = len(starts)
            before = free[place] if place < servers else starts[place - servers] + service_s
            starts.append(max(arrival, before))
            admitted.append(arrival)
        return np.array(admitted)
