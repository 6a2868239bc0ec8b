"""Goals whose results ``make bench-growth`` measures."""

from typing import Final

from benchmarks.goals.goal import Finding, Goal, disturbance
from benchmarks.growth.reads import TOPS
from benchmarks.growth.results import GOAL_REPLICAS, GOAL_TOP, Growth
from benchmarks.results import NOISY, Spread

REPLICAS: Final = Goal("4 × the Classifiers of a 20 ms fake model", GOAL_REPLICAS, at_most=False, unit="×")
FIRST: Final = next(iter(TOPS))
"""The Top 10 of all time."""

TOP_10: Final = Goal("Top 10 with the most records relative to the fewest", GOAL_TOP, at_most=True, unit="×")


def findings(found: Growth) -> list[Finding]:
    """Of the parts that were measured."""
    return [*([_replicas(found)] if found.replicas else []), *([_top(found)] if len(found.records) > 1 else [])]


def _replicas(found: Growth) -> Finding:
    rates = [f"{found.of_replicas(number, lambda each: each.run.images_per_s).median:.0f}" for number in (2, 0)]
    others = [each[number].run.other_cores for each in found.replicas for number in (0, 2)]
    noise = disturbance(others, found.machine.cores, NOISY)
    return Finding(REPLICAS, found.to_one_replica(2), len(found.replicas), f"{' and '.join(rates)} images/s", noise)


def _top(found: Growth) -> Finding:
    """Each time is the median of many reads, so the single filling counts as enough rounds."""
    ratio = found.to_fewest(lambda each: each.api[FIRST])
    times = [f"{each.api[FIRST].median:.1f} ms with {each.rows:,}" for each in (found.records[-1], found.records[0])]
    figure = f"{', '.join(times)} records"
    return Finding(TOP_10, Spread.of([ratio] * 3), 3, figure)
