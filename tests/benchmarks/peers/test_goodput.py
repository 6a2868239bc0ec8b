"""Capacity of a system, derived from open-loop results."""

import pytest

from benchmarks.open_loop import Arrivals
from benchmarks.peers.goodput import capacity


def _arrivals(rate: float, share: float) -> Arrivals:
    due = 1000
    return Arrivals(
        rate=rate,
        seconds=10,
        due=due,
        in_time=round(share * due),
        answered=due,
        refused=0,
        median_ms=20,
        p99_ms=90,
        lag_ms=1,
        client_cores=0.1,
    )


def test_the_capacity_is_interpolated():
    found = capacity([_arrivals(20, 1.0), _arrivals(40, 0.99), _arrivals(60, 0.91), _arrivals(80, 0.1)], 0.95)
    assert found.rate == pytest.approx(50)
    assert str(found) == "50"


def test_the_lowest_rate_is_too_high():
    assert str(capacity([_arrivals(20, 0.9), _arrivals(40, 0.2)], 0.95)) == "< 20"


def test_the_highest_rate_is_sustained():
    assert str(capacity([_arrivals(20, 1.0), _arrivals(40, 0.95)], 0.95)) == "≥ 40"


def test_rates_above_the_first_failure_are_ignored():
    found = capacity([_arrivals(20, 1.0), _arrivals(40, 0.9), _arrivals(60, 1.0)], 0.95)
    assert found.rate == pytest.approx(30)


def test_goodput():
    assert _arrivals(60, 0.5).goodput == 30
