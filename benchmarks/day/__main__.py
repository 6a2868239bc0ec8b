"""Entry of the simulation: ``python -m benchmarks.day``."""

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks.day import load, picture, report
from benchmarks.day.alternatives import KNOBS, compare, fixed
from benchmarks.day.experiment import Experiment
from benchmarks.day.load import BadLoad, Load
from benchmarks.day.outcome import Outcome, Summary
from benchmarks.day.plan import EKS, BadPlan, Machine

RESULTS: Final = Path(__file__).parents[1] / "results"
SHAPE: Final = Load()

console = Console(stderr=True, highlight=False)
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings={"help_option_names": ["-h", "--help"]})
def day(
    *,
    hours: Annotated[float, typer.Option(min=0.1, max=240, help="Length, from midnight on.")] = SHAPE.hours,
    base: Annotated[float, typer.Option(min=0, max=1e4, help="Images a second at 4 in the morning.")] = SHAPE.base,
    peak: Annotated[float, typer.Option(min=0, max=1e4, help="And at 4 in the afternoon.")] = SHAPE.peak,
    bursts: Annotated[int, typer.Option(min=0, max=1000, help="Bursts on top, at random times.")] = SHAPE.bursts,
    burst: Annotated[float, typer.Option(min=0, max=1e4, help="Images a second each adds.")] = SHAPE.burst,
    burst_s: Annotated[float, typer.Option(min=1, max=86400, help="Length of each, seconds.")] = SHAPE.burst_s,
    rates: Annotated[Path | None, typer.Option(help="Your load instead: CSV lines of seconds,images a second.")] = None,
    values: Annotated[
        list[Path] | None, typer.Option(help="Chart values, the last ones win; may be repeated. Else those for EKS.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A chart value, e.g. workers.maxReplicas=20.")
    ] = None,
    assume: Annotated[list[str] | None, typer.Option(help="A time of the machine, e.g. node_start_s=60.")] = None,
    price: Annotated[float, typer.Option(min=0, help="Of a node for one hour.")] = Machine().node_price,
    seed: Annotated[int, typer.Option(min=0, help="The same seed, the same day.")] = 1,
    alternatives: Annotated[bool, typer.Option("--compare", help="With each knob turned too; minutes.")] = False,
    max_refused: Annotated[float, typer.Option(min=0, max=100, help="Percent; exit with 1 above it.")] = 100.0,
    results: Annotated[Path, typer.Option(file_okay=False, help="Folder for day.json and pictures.")] = RESULTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON, not the table.")] = False,
) -> None:
    """Simulate a day of load on the cluster of the chart's values, with the real policy and Ray's own rules.

    The load is of images that need the model: what the cache answers is none. docs/scaling.md explains the outcome.
    Exit status: 0 simulated; 1 more than --max-refused were refused; 2 wrong use.

    Example: python -m benchmarks.day --peak 800 --set workers.maxReplicas=20 --compare
    """
    shape = Load(hours, base, peak, bursts, burst, burst_s)
    try:
        machine = replace(_assumed(assume or ()), node_price=price)
        course = load.read(rates) if rates else shape.rates(np.random.default_rng([seed, 0]))
        experiment = Experiment(tuple(values or (EKS,)), tuple(setting or ()), machine, course, seed)
        experiment.plan()
    except (BadPlan, BadLoad) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None
    outcome = _run(experiment)
    found = {report.CONFIGURED: outcome.summary(price)} | (_compared(experiment) if alternatives else {})
    _write(experiment, outcome, found, results)
    if as_json:
        print(report.as_json(experiment, found))
    else:
        report.show(experiment, found, Console(highlight=False, width=max(console.width, 120)))
    raise typer.Exit(1 if 100 * found[report.CONFIGURED].refused_share > max_refused else 0)


def _assumed(assumptions: Sequence[str]) -> Machine:
    known = [field.name for field in fields(Machine)]
    found: dict[str, float] = {}
    for each in assumptions:
        name, _, value = each.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            name = ""
        if name not in known or not 0 < found[name] < 1e6:
            raise BadPlan(f"{each!r}: wanted is a name and a number above 0, of {', '.join(known)}")
    return Machine(**found)


def _run(experiment: Experiment) -> Outcome:
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Simulating", total=len(experiment.rates))

        def heard(second: int) -> None:
            if second % 600 == 0:
                progress.update(task, completed=second)

        return experiment.run(heard=heard)


def _compared(experiment: Experiment) -> dict[str, Summary]:
    course = experiment.rates
    further = (
        *KNOBS,
        fixed("fixed, for the peak", float(course.max()), experiment),
        fixed("fixed, for the mean", float(course.mean()), experiment),
    )
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Comparing", total=len(further))
        return compare(experiment, further, lambda: progress.advance(task))


def _write(experiment: Experiment, outcome: Outcome, found: dict[str, Summary], results: Path) -> None:
    picture.draw(outcome, experiment.plan(), results / "day.png")
    if len(found) > 1:
        picture.draw_alternatives(found, results / "day-alternatives.png")
    (results / "day.json").write_text(report.as_json(experiment, found) + "\n")


if __name__ == "__main__":
    app()
