"""Goals whose results ``make bench-compare`` measures."""

from collections.abc import Callable
from typing import Final

from benchmarks.goals.goal import Finding, Goal, disturbance
from benchmarks.peers.goodput import capacity
from benchmarks.peers.results import FULL, GOAL_MS, MEDIUM, ONE, RAYLENS, WANTED, Case, Comparison, Round, SystemRound
from benchmarks.results import NOISY, Spread

SAME: Final = {
    case: Goal(f"{case.name}, against the best peer, same pixels", 1.0, at_most=False, unit="×")
    for case in (MEDIUM, FULL)
}
SHIPPED: Final = {
    case: Goal(f"{case.name}, against the best peer, each as shipped", 1.2, at_most=False, unit="×")
    for case in (MEDIUM, FULL)
}
LATENCY: Final = Goal("median of one client against the best peer", 1.0, at_most=True, unit="×")
GOODPUT: Final = Goal(
    f"requests/s of which {100 * WANTED:.0f} % are answered within {GOAL_MS:.0f} ms, against the best peer",
    1.0,
    at_most=False,
    unit="×",
)
MEMORY: Final = Goal("memory of all processes, PSS, after large photos", 1400.0, at_most=True, unit="MiB", digits=0)

Values = Callable[[Round], dict[str, float]]
"""Value by name of the system."""


def findings(found: Comparison) -> list[Finding]:
    """In the order of the table; without those for which no peer was measured."""
    rows = [
        *(_to_best(found, goal, _rates(case), max, case) for case, goal in SAME.items()),
        *(_to_best(found, goal, _shipped_rates(case), max, case) for case, goal in SHIPPED.items()),
        _to_best(found, LATENCY, _values(lambda system: system.closed[ONE.name].load.median_ms), min, ONE),
        _to_best(found, GOODPUT, _values(_goodput), max, ONE),
        _memory(found),
    ]
    return [row for row in rows if row]


def _rates(case: Case) -> Values:
    return _values(lambda system: system.closed[case.name].load.images_per_s)


def _values(value: Callable[[SystemRound], float]) -> Values:
    return lambda each: {name: value(system) for name, system in each.systems.items()}


def _shipped_rates(case: Case) -> Values:
    """Raylens with its own preprocessing, peers with Pillow's."""

    def of(each: Round) -> dict[str, float]:
        rates = {name: runs[case.name].load.images_per_s for name, runs in each.shipped.items() if case.name in runs}
        return {RAYLENS: each.systems[RAYLENS].closed[case.name].load.images_per_s} | rates

    return of


def _goodput(system: SystemRound) -> float:
    return capacity(system.arrivals, WANTED).rate


def _to_best(found: Comparison, goal: Goal, values: Values, best: Callable[..., str], case: Case) -> Finding | None:
    """Relative to the best peer of the same round; None without peers."""
    ratios, figures = [], []
    for each in found.rounds:
        known = values(each)
        peers = {name: value for name, value in known.items() if name != RAYLENS}
        if not peers:
            continue
        first = best(peers, key=lambda name: peers[name])
        ratios.append(known[RAYLENS] / peers[first])
        figures.append(f"{known[RAYLENS]:.1f}; {found.title(first)} {peers[first]:.1f}")
    if not ratios:
        return None
    middle = sorted(range(len(ratios)), key=ratios.__getitem__)[len(ratios) // 2]
    return Finding(goal, Spread.of(ratios), len(ratios), figures[middle], _noise(found, case))


def _memory(found: Comparison) -> Finding:
    values = [each.systems[RAYLENS].pss_mib or 0.0 for each in found.rounds]
    return Finding(MEMORY, Spread.of(values), len(found.rounds))


def _noise(found: Comparison, case: Case) -> str:
    others = [system.closed[case.name].other_cores for each in found.rounds for system in each.systems.values()]
    return disturbance(others, found.machine.cores, NOISY)
