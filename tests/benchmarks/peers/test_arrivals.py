"""The moments at which requests of the open loop are due."""

import statistics
from itertools import pairwise

import pytest

from benchmarks.peers.arrivals import poisson


def test_the_same_seed_gives_the_same_moments():
    assert poisson(50, 10, seed=3) == poisson(50, 10, seed=3)
    assert poisson(50, 10, seed=3) != poisson(50, 10, seed=4)


def test_moments_ascend_within_the_time():
    moments = poisson(200, 5, seed=1)
    assert all(before < after for before, after in pairwise(moments))
    assert moments[0] > 0
    assert moments[-1] < 5


def test_gaps_are_those_of_chance():
    """Of a Poisson process the gaps' standard deviation is their mean; requests in step would have none."""
    moments = poisson(100, 200, seed=2)
    gaps = [after - before for before, after in pairwise(moments)]
    assert len(moments) == pytest.approx(20_000, rel=0.03)
    assert statistics.mean(gaps) == pytest.approx(0.01, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(0.01, rel=0.05)


def test_no_rate():
    with pytest.raises(ValueError, match="above 0"):
        poisson(0, 1, seed=0)
