"""The whole simulation: policy, Ray's rules, cluster and load."""

import numpy as np
import pytest

from benchmarks.simulation import validation
from benchmarks.simulation.load import Load
from benchmarks.simulation.outcome import Outcome
from benchmarks.simulation.plan import Machine, read
from benchmarks.simulation.simulate import simulate


def run(rates: np.ndarray, *settings: str, seed: int = 1, machine: Machine | None = None) -> Outcome:
    return simulate(read(settings=settings), machine or Machine(), rates, np.random.default_rng(seed))


def test_the_same_seed_gives_the_same_results() -> None:
    rates = Load(hours=0.2, burst=200, burst_s=60).rates(np.random.default_rng(3))
    first, again = run(rates), run(rates)
    assert first.summary(1.0) == again.summary(1.0)
    assert np.array_equal(first.course["classifiers"], again.course["classifiers"])
    assert first.summary(1.0) != run(rates, seed=2).summary(1.0)


def test_arrivals_are_answered_refused_or_in_flight() -> None:
    rates = np.concatenate([np.full(120, 30.0), np.full(300, 900.0)])
    course = run(rates, "workers.maxReplicas=4").course
    answered_or_refused = course["answered"].sum() + course["refused"].sum()
    assert course["refused"].sum() > 1000
    assert 0 <= course["arrived"].sum() - answered_or_refused <= course["in_system"][-1]


@pytest.mark.parametrize("rate", [15.0, 170.0, 300.0, 520.0])
def test_replicas_are_stable_under_constant_load(rate: float) -> None:
    """After settling there is at most one change in ten minutes, and no image is refused."""
    course = run(np.full(1500, rate)).course
    settled = slice(900, None)
    assert np.count_nonzero(np.diff(course["target"][settled])) <= 1
    assert course["refused"][settled].sum() == 0


def test_scaling_by_the_queue_alone_oscillates() -> None:
    course = run(np.full(1500, 300.0), "serve.autoscaling.busy_share=1000000").course
    assert np.count_nonzero(np.diff(course["target"][900:])) > 6


def test_a_burst_scales_everything_up_and_down_again() -> None:
    rates = np.concatenate([np.full(60, 50.0), np.full(600, 600.0), np.full(1500, 50.0)])
    course = run(rates, "workers.resources.limits.cpu=4").course
    for name in ("classifiers", "preprocessors", "workers", "nodes"):
        assert course[name][0] == course[name][-1] == 2, name
        assert course[name][600] > 2, name
    first = int(np.argmax(course["workers"] > 2))
    more = int(np.argmax(course["classifiers"] > 6))
    assert more - first >= Machine().node_start_s + Machine().pod_start_s
    assert course["refused"][:600].sum() > 0
    assert course["refused"][600:].sum() == 0


def test_ingresses_scale_up_when_they_are_the_bottleneck() -> None:
    course = run(np.full(900, 500.0), machine=Machine(ingress_ms=5.0)).course
    assert course["ingresses"][0] == 2
    assert course["ingresses"][-1] == 4


def test_workers_stay_within_the_maximum() -> None:
    course = run(np.full(300, 2000.0), "workers.maxReplicas=5").course
    assert course["workers"].max() == 5
    reserved = sum(
        course[name] * cpus for name, cpus in (("classifiers", 1.0), ("preprocessors", 0.5), ("ingresses", 0.2))
    )
    assert np.all(reserved <= course["cpus"])


@pytest.mark.parametrize("name", ["queue and work", "queue alone"])
def test_the_simulation_agrees_with_measurements(name: str) -> None:
    measured = validation.measured()[name]
    outcome = validation.simulated(measured)
    simulated = outcome.course["classifiers"]
    rise = [int(np.argmax(course == 6)) for course in (measured.classifiers, simulated)]
    assert abs(rise[0] - rise[1]) <= 4, "seconds until all Classifiers run"
    steady = slice(60, 270)
    falls = [int(np.count_nonzero(np.diff(course[steady]) < -1)) for course in (measured.classifiers, simulated)]
    assert abs(falls[0] - falls[1]) <= 3
    assert (min(falls) >= 3) == (name == "queue alone")
    share = measured.refused / (measured.answered + measured.refused)
    assert abs(share - outcome.summary(1.0).refused_share) < 0.05
