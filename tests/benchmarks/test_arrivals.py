"""Arrival times of the open loop."""

import statistics
from itertools import pairwise

import pytest

from benchmarks.arrivals import poisson


def test_the_same_seed_gives_the_same_times():
    assert poisson(50, 10, seed=3) == poisson(50, 10, seed=3)
    assert poisson(50, 10, seed=3) != poisson(50, 10, seed=4)


def test_times_ascend_within_the_interval():
    moments = poisson(200, 5, seed=1)
    assert all(before < after for before, after in pairwise(moments))
    assert moments[0] > 0
    assert moments[-1] < 5


def test_gaps_are_exponential():
    """In a Poisson process, the standard deviation of the gaps equals their mean."""
    moments = poisson(100, 200, seed=2)
    gaps = [after - before for before, after in pairwise(moments)]
    assert len(moments) == pytest.approx(20_000, rel=0.03)
    assert statistics.mean(gaps) == pytest.approx(0.01, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(0.01, rel=0.05)


def test_a_rate_of_zero_is_rejected():
    with pytest.raises(ValueError, match="above 0"):
        poisson(0, 1, seed=0)
