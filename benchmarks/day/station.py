"""The queue and the Classifiers behind it: first come, first served, so many at once, and full is full.

With a service time that is the same for all, customers leave in the order they came, so that each is served by the
server of the one who came ``servers`` places before. So ``servers`` chains are computed at once, without an event each:
a start is the latest of the own arrival and the arrivals before in the chain, plus the services between.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.float64]
"""Seconds since the start of the day, ascending."""


@dataclass(frozen=True, slots=True)
class Second:
    """What happened in one step."""

    latencies: Times
    """Wait and service of those whose service began, seconds."""
    refused: int
    waiting: int
    """Whose service has not begun at the end."""


class Station:
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
        """Servers come idle; those that go finish what they have begun."""
        if servers > len(self._free):
            self._free = np.sort(np.append(self._free, np.full(servers - len(self._free), now)))
        self._free = self._free[len(self._free) - servers :]

    def step(self, arrivals: Times, until: float, service_s: float, room: int) -> Second:
        """Take ``arrivals``, all before ``until`` and after the last step's; at most ``room`` may wait."""
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
        return Second(starts[:begun] - times[:begun] + service_s, refused, len(self._backlog))

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
        """The backlog and those of ``arrivals`` that found room; one by one, as it depends on who was let in before."""
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
