"""Goals whose results ``make bench`` measures."""

from collections.abc import Callable, Iterable
from typing import Final

from benchmarks.goals.goal import Finding, Goal, disturbance
from benchmarks.results import FULL_LOAD, HITS, MEDIUM, NOISY, ONE, Benchmark, Case, Round, Run, Spread

SHARE: Final = {
    "fp32": Goal("share of the limit at 64 connections, fp32", 0.85, at_most=False),
    "bf16": Goal("share of the limit at 64 connections, bf16", 0.75, at_most=False),
}
MEDIUM_SHARE: Final = Goal("share of the limit at 16 connections, bf16", 0.70, at_most=False)
CHAIN: Final = Goal(
    "CPU of a call beyond decoding, model and HTTP, 1 connection", 4.0, at_most=True, unit="ms", digits=1
)
IDLE: Final = Goal("CPU of the idle service, of one core", 4.0, at_most=True, unit="%", digits=1)
HIT_RATIO: Final = Goal("cache hits relative to uncached, 64 connections", 12.0, at_most=False, unit="×", digits=1)
HIT_P99: Final = Goal("p99 of cache hits, open loop at half their rate", 20.0, at_most=True, unit="ms", digits=1)
MEMORY: Final = Goal("memory of all processes, PSS, 64 connections", 1400.0, at_most=True, unit="MiB", digits=0)
START: Final = Goal("`make serve`, set up, to the first response", 10.0, at_most=True, unit="s", digits=1)


def findings(benchmark: Benchmark) -> list[Finding]:
    """In the order of the table."""
    return [
        *_shares(benchmark),
        _finding(benchmark, CHAIN, lambda each: each.chain_ms, [ONE], _chain_figure(benchmark)),
        _finding(benchmark, IDLE, lambda each: 100 * sum(each.idle_cores.values()), []),
        _finding(benchmark, HIT_RATIO, _hit_ratio, [FULL_LOAD, HITS], _hits_figure(benchmark)),
        _finding(benchmark, HIT_P99, lambda each: each.open_hits.p99_ms, [HITS], _open_figure(benchmark)),
        _finding(benchmark, MEMORY, lambda each: each.pss_mib, []),
        _finding(benchmark, START, lambda each: each.start_s + each.make_s, [], _start_figure(benchmark)),
    ]


def _shares(benchmark: Benchmark) -> list[Finding]:
    """In the precision of the service, and in bf16 if the processor has it."""
    precision = benchmark.model["precision"]
    cases: list[tuple[Goal, Case]] = [(SHARE[precision], FULL_LOAD)] if precision in SHARE else []
    if precision == "bf16":
        cases.append((MEDIUM_SHARE, MEDIUM))
    found = [_finding(benchmark, goal, _share(case), [case], _rate_figure(benchmark, case)) for goal, case in cases]
    if all(each.bf16 for each in benchmark.rounds):
        also = ((SHARE["bf16"], FULL_LOAD), (MEDIUM_SHARE, MEDIUM))
        found += [_reduced(benchmark, goal, case) for goal, case in also]
    return found


def _share(case: Case) -> Callable[[Round], float]:
    return lambda each: each.runs[case.name].load.images_per_s / each.limit.images_per_s


def _reduced(benchmark: Benchmark, goal: Goal, case: Case) -> Finding:
    rounds = [each.bf16 for each in benchmark.rounds if each.bf16]
    shares = Spread.of([each.share(case) for each in rounds])
    return Finding(goal, shares, len(rounds), "", _noise(benchmark, [each.runs[case.name] for each in rounds]))


def _finding(
    benchmark: Benchmark, goal: Goal, of: Callable[[Round], float], cases: Iterable[Case], figure: str = ""
) -> Finding:
    """``cases``: those whose disturbance affects the result."""
    runs = [each.runs[case.name] for each in benchmark.rounds for case in cases]
    return Finding(goal, benchmark.spread(of), len(benchmark.rounds), figure, _noise(benchmark, runs))


def _noise(benchmark: Benchmark, runs: list[Run]) -> str:
    return disturbance([run.other_cores for run in runs], benchmark.machine.cores, NOISY)


def _hit_ratio(each: Round) -> float:
    return each.runs[HITS.name].load.images_per_s / each.runs[FULL_LOAD.name].load.images_per_s


def _rate_figure(benchmark: Benchmark, case: Case) -> str:
    return f"{benchmark.rate(case).median:.0f} of {benchmark.limit().median:.0f} images/s"


def _hits_figure(benchmark: Benchmark) -> str:
    return f"{benchmark.rate(HITS).median:.0f} and {benchmark.rate(FULL_LOAD).median:.0f} images/s"


def _chain_figure(benchmark: Benchmark) -> str:
    total = benchmark.median(lambda each: each.runs[ONE.name].chain_ms)
    return f"{total:.1f} ms without {benchmark.median(lambda each: each.floor.total_ms):.1f} ms"


def _open_figure(benchmark: Benchmark) -> str:
    lag = benchmark.median(lambda each: each.open_hits.lag_ms)
    return f"{benchmark.median(lambda each: each.open_hits.rate):.0f}/s, sent up to {lag:.1f} ms late"


def _start_figure(benchmark: Benchmark) -> str:
    return f"of it make: {benchmark.median(lambda each: each.make_s):.1f} s"
