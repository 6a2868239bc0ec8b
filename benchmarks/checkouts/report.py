"""The comparison of two checkouts as tables for the terminal."""

from rich.console import Console

from benchmarks.checkouts.results import MEASURES, SIDES, Duel, Side, Value, cpu_ms
from benchmarks.results import Spread
from benchmarks.tables import Rows, print_report

TITLES = {
    "images_per_s": "images/s",
    "median_ms": "median ms",
    "p99_ms": "p99 ms",
    "cpu_ms_per_image": "CPU ms per image",
}


def speed(found: Duel) -> Rows:
    """One row per load case and measure."""
    rows = [["load", "", *SIDES, "after ÷ before", "range"]]
    for case in found.cases:
        for name, value in MEASURES.items():
            medians = [f"{found.spread(case, side, value).median:.1f}" for side in SIDES]
            rows.append([case, TITLES[name], *medians, *_ratio(found.ratio(case, value))])
    return rows


def _ratio(spread: Spread) -> list[str]:
    return [f"{spread.median:.3f}", "" if spread.single else f"{spread.least:.3f}–{spread.greatest:.3f}"]


def cpu(found: Duel) -> Rows:
    """CPU milliseconds per image of each component, of all, and of the load generator."""
    heading = [f"{_short(case)}: {side}" for case in found.cases for side in SIDES]
    return [
        ["CPU ms per image", *heading],
        *([name, *_row(found, _part(name))] for name in found.components()),
        ["total", *_row(found, cpu_ms)],
        [f"load generator: {found.generator}", *_row(found, lambda run: run.load.client_ms)],
        ["mean batch, images", *_row(found, lambda run: run.mean_batch)],
    ]


def _short(case: str) -> str:
    return case.partition(" connection")[0].replace(", cache", "")


def _part(name: str) -> Value:
    return lambda run: run.cpu_ms_per_image.get(name, 0.0)


def _row(found: Duel, value: Value) -> list[str]:
    return [f"{found.spread(case, side, value).median:.2f}" for case in found.cases for side in SIDES]


def caption(found: Duel) -> str:
    texts = [f"{name}: {_described(side)}" for name, side in found.sides.items()]
    machine = found.machine
    return (
        f"{'; '.join(texts)}; {machine.cores} cores of {machine.cpu}; median of {len(found.rounds)} rounds, "
        f"{found.seconds:g} s per run; load generator: {found.generator}; {found.date[:16]}"
    )


def _described(side: Side) -> str:
    model = side.model
    return f"{side.folder} {side.revision} ({model['name']} on {model['runtime']} in {model['precision']})"


def show(found: Duel, console: Console) -> None:
    notes = [f"Note: {warning}" for warning in found.warnings()]
    print_report(console, [("Speed", speed(found)), ("Processes", cpu(found))], caption(found), notes)
