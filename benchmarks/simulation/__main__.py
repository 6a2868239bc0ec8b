"""Command of the simulation: ``python -m benchmarks.simulation``."""

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks.command import HELP_OPTIONS, RESULTS, console
from benchmarks.simulation import charts, load, report
from benchmarks.simulation.alternatives import ALTERNATIVES, compare, fixed
from benchmarks.simulation.experiment import Experiment
from benchmarks.simulation.load import BadLoad, Load
from benchmarks.simulation.outcome import Outcome, Summary
from benchmarks.simulation.plan import EKS, BadPlan, Machine

DEFAULT_LOAD: Final = Load()

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings=HELP_OPTIONS)
def day(
    *,
    hours: Annotated[
        float, typer.Option(min=0.1, max=240, help="Length in hours, starting at midnight.")
    ] = DEFAULT_LOAD.hours,
    base: Annotated[float, typer.Option(min=0, max=1e4, help="Images per second at 4 a.m.")] = DEFAULT_LOAD.base,
    peak: Annotated[float, typer.Option(min=0, max=1e4, help="Images per second at 4 p.m.")] = DEFAULT_LOAD.peak,
    bursts: Annotated[
        int, typer.Option(min=0, max=1000, help="Number of additional bursts at random times.")
    ] = DEFAULT_LOAD.bursts,
    burst: Annotated[
        float, typer.Option(min=0, max=1e4, help="Images per second that each burst adds.")
    ] = DEFAULT_LOAD.burst,
    burst_s: Annotated[
        float, typer.Option(min=1, max=86400, help="Length of a burst, seconds.")
    ] = DEFAULT_LOAD.burst_s,
    rates: Annotated[
        Path | None, typer.Option(help="Load from a CSV file instead, with lines of seconds,images per second.")
    ] = None,
    values: Annotated[
        list[Path] | None, typer.Option(help="Chart values files, later ones take precedence; default: those for EKS.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A chart value, e.g. workers.maxReplicas=20.")
    ] = None,
    assume: Annotated[
        list[str] | None, typer.Option(help="Override a hardware assumption, e.g. node_start_s=60.")
    ] = None,
    price: Annotated[float, typer.Option(min=0, help="Price of a node per hour.")] = Machine().node_price,
    seed: Annotated[int, typer.Option(min=0, help="Random seed; the same seed gives the same day.")] = 1,
    alternatives: Annotated[
        bool, typer.Option("--compare", help="Also simulate variations of each setting; takes minutes.")
    ] = False,
    max_refused: Annotated[
        float, typer.Option(min=0, max=100, help="Percentage of refused images above which the exit status is 1.")
    ] = 100.0,
    results: Annotated[Path, typer.Option(file_okay=False, help="Folder for day.json and the charts.")] = RESULTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON, not the table.")] = False,
) -> None:
    """Simulate a day of load on the cluster described by the chart's values.

    Uses the real autoscaling policy and Ray's scaling rules. The load consists of images that need the model, without
    cache hits. docs/scaling.md explains the results. Exit status: 0 success; 1 more than --max-refused were refused;
    2 invalid arguments.

    Example: python -m benchmarks.simulation --peak 800 --set workers.maxReplicas=20 --compare
    """
    shape = Load(hours, base, peak, bursts, burst, burst_s)
    try:
        machine = replace(_assumed(assume or ()), node_price=price)
        rates_by_second = load.read(rates) if rates else shape.rates(np.random.default_rng([seed, 0]))
        experiment = Experiment(tuple(values or (EKS,)), tuple(setting or ()), machine, rates_by_second, seed)
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
            raise BadPlan(
                f"{each!r} is invalid; expected NAME=NUMBER, above 0, with one of the names {', '.join(known)}"
            )
    return Machine(**found)


def _run(experiment: Experiment) -> Outcome:
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Simulating", total=len(experiment.rates))

        def on_step(second: int) -> None:
            if second % 600 == 0:
                progress.update(task, completed=second)

        return experiment.run(on_step=on_step)


def _compared(experiment: Experiment) -> dict[str, Summary]:
    course = experiment.rates
    further = (
        *ALTERNATIVES,
        fixed("fixed, for the peak", float(course.max()), experiment),
        fixed("fixed, for the mean", float(course.mean()), experiment),
    )
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Comparing", total=len(further))
        return compare(experiment, further, lambda: progress.advance(task))


def _write(experiment: Experiment, outcome: Outcome, found: dict[str, Summary], results: Path) -> None:
    charts.draw(outcome, experiment.plan(), results / "day.png")
    if len(found) > 1:
        charts.draw_alternatives(found, results / "day-alternatives.png")
    (results / "day.json").write_text(report.as_json(experiment, found) + "\n")


if __name__ == "__main__":
    app()
