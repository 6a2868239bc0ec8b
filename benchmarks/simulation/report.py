"""Reports the results of a simulation and its alternatives as a table and as JSON."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.simulation.experiment import Experiment
from benchmarks.simulation.outcome import Summary

CONFIGURED: Final = "as configured"
COLUMNS: Final[dict[str, Callable[[Summary], str]]] = {
    "refused": lambda each: f"{100 * each.refused_share:.2f} %",
    "p50, ms": lambda each: f"{each.p50_ms:.0f}",
    "p99, ms": lambda each: f"{each.p99_ms:.0f}",
    "Classifiers": lambda each: f"{each.mean_classifiers:.1f} ≤ {each.most_classifiers}",
    "changes": lambda each: str(each.changes),
    "workers": lambda each: f"{each.mean_workers:.1f} ≤ {each.most_workers}",
    "node hours": lambda each: f"{each.node_hours:.0f}",
    "cost": lambda each: f"{each.cost:.2f}",
    "per million": lambda each: f"{each.cost_per_million:.2f}",
}


def as_json(experiment: Experiment, summaries: Mapping[str, Summary]) -> str:
    """The results with all inputs that are needed to reproduce them."""
    return json.dumps(
        {
            "seed": experiment.seed,
            "seconds": len(experiment.rates),
            "settings": experiment.settings,
            "machine": asdict(experiment.machine),
            "summaries": {name: asdict(each) for name, each in summaries.items()},
        },
        indent=1,
    )


def show(experiment: Experiment, summaries: Mapping[str, Summary], console: Console) -> None:
    first = summaries[CONFIGURED]
    hours = len(experiment.rates) / 3600
    console.print(f"{first.images:,} images in {hours:g} h, at most {experiment.rates.max():.0f} per second.")
    table = Table("", *COLUMNS)
    for name, each in summaries.items():
        table.add_row(name, *(column(each) for column in COLUMNS.values()))
    console.print(table)
