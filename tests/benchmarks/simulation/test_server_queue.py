"""The queue, compared with queueing theory and with an event-based implementation."""

import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.simulation.server_queue import ServerQueue

ARRIVALS = st.lists(st.floats(0, 9.99), max_size=120).map(lambda times: np.array(sorted(times)))


def latencies(queue: ServerQueue, arrivals: np.ndarray, seconds: int, service_s: float, room: int) -> list[float]:
    found: list[float] = []
    for now in range(seconds):
        due = arrivals[(arrivals >= now) & (arrivals < now + 1)]
        found += queue.step(due, now + 1.0, service_s, room).latencies.tolist()
    return found


def by_events(arrivals: np.ndarray, servers: int, service_s: float, room: int) -> list[float]:
    free, starts, found = [0.0] * servers, list[float](), list[float]()
    for arrival in arrivals.tolist():
        if sum(start > arrival for start in starts) >= room and free[0] > arrival:
            continue
        start = max(arrival, heapq.heapreplace(free, max(arrival, free[0]) + service_s))
        starts.append(start)
        found.append(start - arrival + service_s)
    return found


@settings(max_examples=50, deadline=None)
@given(ARRIVALS, st.integers(1, 5), st.floats(0.01, 2.0), st.integers(1, 40))
def test_latencies_equal_those_of_an_event_based_queue(
    arrivals: np.ndarray, servers: int, service_s: float, room: int
) -> None:
    found = latencies(ServerQueue(servers), arrivals, 300, service_s, room)
    assert found == pytest.approx(by_events(arrivals, servers, service_s, room))


@settings(max_examples=40, deadline=None)
@given(ARRIVALS, st.lists(st.integers(1, 6), min_size=10, max_size=10), st.floats(0.01, 2.0), st.integers(1, 40))
def test_no_customer_is_lost_when_servers_are_added_and_removed(
    arrivals: np.ndarray, servers: list[int], service_s: float, room: int
) -> None:
    queue = ServerQueue(servers[0])
    answered = refused = 0
    for now, count in enumerate(servers):
        queue.resize(count, now)
        due = arrivals[(arrivals >= now) & (arrivals < now + 1)]
        second = queue.step(due, now + 1.0, service_s, room)
        answered, refused = answered + len(second.latencies), refused + second.refused
        assert second.waiting <= room
        assert np.all(second.latencies >= service_s - 1e-9)
    assert answered + refused + queue.waiting == len(arrivals)


def md_c_wait_s(rate: float, servers: int, service_s: float) -> float:
    """Mean wait of M/D/c; exact for one server, else Cosmetatos' approximation, good to about 1 %."""
    load = rate * service_s
    share = load / servers
    terms = sum(load**k / math.factorial(k) for k in range(servers))
    last = load**servers / math.factorial(servers) / (1 - share)
    markov = last / (terms + last) * service_s / (servers * (1 - share))
    correction = (1 - share) * (servers - 1) * (math.sqrt(4 + 5 * servers) - 2) / (16 * share * servers)
    return markov / 2 * (1 + correction)


@pytest.mark.parametrize(("servers", "share"), [(1, 0.5), (1, 0.8), (2, 0.8), (4, 0.7), (4, 0.9), (10, 0.85)])
def test_mean_waits_agree_with_theory(servers: int, share: float) -> None:
    service_s, seconds = 0.02, 2000
    rate = share * servers / service_s
    rng = np.random.default_rng(servers)
    queue, waits = ServerQueue(servers), []
    for now, count in enumerate(rng.poisson(np.full(seconds, rate))):
        second = queue.step(now + np.sort(rng.random(count)), now + 1.0, service_s, 10**6)
        waits.append(second.latencies - service_s)
    assert np.concatenate(waits).mean() == pytest.approx(md_c_wait_s(rate, servers, service_s), rel=0.05)


def test_littles_law() -> None:
    """Mean number in the system = arrival rate × mean time in the system."""
    service_s, rate, servers, seconds = 0.05, 70.0, 4, 3000
    rng = np.random.default_rng(5)
    queue, inside, times = ServerQueue(servers), [], []
    for now, count in enumerate(rng.poisson(np.full(seconds, rate))):
        second = queue.step(now + np.sort(rng.random(count)), now + 1.0, service_s, 10**6)
        inside.append(second.waiting + queue.in_service(now + 1.0))
        times.append(second.latencies)
    together = np.concatenate(times)
    assert np.mean(inside) == pytest.approx(len(together) / seconds * together.mean(), rel=0.05)


def test_new_servers_process_the_backlog() -> None:
    queue = ServerQueue(1)
    assert queue.step(np.zeros(10), 1.0, 1.0, 100).waiting == 9
    queue.resize(10, 1.0)
    assert queue.step(np.empty(0), 2.0, 1.0, 100).waiting == 0
