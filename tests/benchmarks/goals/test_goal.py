"""A goal, and whether a result meets it."""

import pytest

from benchmarks.goals.goal import Finding, Goal, disturbance
from benchmarks.goals.report import HEADING, rows
from benchmarks.results import Spread

SHARE = Goal("share", 0.85, at_most=False)
START = Goal("start", 10.0, at_most=True, unit="s", digits=1)


def _finding(goal: Goal, *values: float, noise: str = "") -> Finding:
    return Finding(goal, Spread.of(list(values)), len(values), "88 of 100", noise)


@pytest.mark.parametrize(
    ("finding", "outcome"),
    [
        (_finding(SHARE, 0.85, 0.86, 0.9), "yes"),
        (_finding(SHARE, 0.80, 0.86, 0.9), "yes, but not in each round"),
        (_finding(SHARE, 0.80, 0.84, 0.9), "no"),
        (_finding(START, 9.0, 9.5, 10.0), "yes"),
        (_finding(START, 9.0, 9.5, 10.1), "yes, but not in each round"),
        (_finding(START, 9.0, 10.1, 11.0), "no"),
    ],
)
def test_the_median_is_compared_with_the_bound(finding: Finding, outcome: str):
    assert finding.outcome == outcome


def test_few_rounds_and_disturbances_are_flagged():
    assert _finding(SHARE, 0.9, 0.9, 0.9).flags == []
    assert _finding(SHARE, 0.9, noise="noisy").flags == ["1 round only", "noisy"]
    assert _finding(SHARE, 0.9, 0.9).flags == ["2 rounds only"]


def test_programs_that_take_more_than_their_share_disturb():
    assert disturbance([0.1, 0.2], cores=2, share=0.1) == ""
    assert disturbance([0.1, 0.5], cores=2, share=0.1) == "noisy: other programs used up to 0.50 of 2 cores"
    assert disturbance([], cores=2, share=0.1) == ""


def test_rows():
    heading, share, start = rows([_finding(SHARE, 0.80, 0.86, 0.9), _finding(START, 9.5)])
    assert heading == HEADING
    assert share == ["share", "≥ 0.85", "0.86", "0.80–0.90", "yes, but not in each round", "88 of 100", ""]
    assert start == ["start", "≤ 10 s", "9.5 s", "", "yes", "88 of 100", "1 round only"]
