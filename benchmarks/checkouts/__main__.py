"""Command of the comparison of two checkouts: ``python -m benchmarks.checkouts``, or ``make bench-checkouts``."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import httpx
import psutil
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import limit, load, measuring
from benchmarks.checkout import HERE, Checkout
from benchmarks.checkouts import report
from benchmarks.checkouts.measuring import Contest
from benchmarks.checkouts.results import AFTER, BEFORE, Duel
from benchmarks.command import HELP_OPTIONS, RESULTS, console
from benchmarks.photos import photos
from benchmarks.results import Case, Machine
from benchmarks.service import Service
from models.errors import ModelError

FAILURES: Final = (RuntimeError, ModelError, httpx.HTTPError, psutil.Error)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings=HELP_OPTIONS)
def checkouts(
    *,
    against: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="Folder of the other checkout, shown as before.")
    ],
    connections: Annotated[
        str, typer.Option(metavar="NUMBERS", help="Numbers of connections, separated by commas.")
    ] = "1,4,16,64",
    hits: Annotated[bool, typer.Option("--hits", help="Also measure cache hits at the largest number.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; each measures both, in alternating order.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, max=50, help="Length of each run.")] = 4.0,
    config: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A serve.yaml for both instead of their own.")
    ] = None,
    results: Annotated[Path, typer.Option(file_okay=False, help="Folder for checkouts.json.")] = RESULTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON, not the tables.")] = False,
) -> None:
    """Compare the speed of this checkout (after) with another one (before), in turn in one run; about 3 minutes.

    Images/s, latency, and CPU time per image by process. The other checkout runs in its own virtual environment if it
    has one, else in this one. On a busy machine, only CPU ms per image is reliable.
    Exit status: 0 success; 1 failure, or refused requests; 2 invalid arguments.

    Example: git worktree add ../main origin/main && python -m benchmarks.checkouts --against ../main
    """
    other = Checkout(against.resolve())
    if not (other.root / "serve_app").is_dir():
        raise typer.BadParameter(f"{other.root} has no folder serve_app.", param_hint="--against")
    cases = _cases(connections, hits=hits)

    def save(found: Duel) -> None:
        results.mkdir(parents=True, exist_ok=True)
        (results / "checkouts.json").write_text(found.as_json() + "\n")

    try:
        found = _measure({BEFORE: other, AFTER: HERE}, cases, rounds, measuring.Plan(photos(), seconds, config), save)
    except FAILURES as error:
        console.print(f"Benchmark failed: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    if as_json:
        print(found.as_json())
    else:
        report.show(found, Console(highlight=False, width=max(console.width, 140)))
    raise typer.Exit(1 if found.errors() else 0)


def _cases(connections: str, *, hits: bool) -> list[Case]:
    try:
        numbers = [int(number) for number in connections.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise typer.BadParameter("expected numbers from 1, separated by commas.", param_hint="--connections")
    cases = [Case(f"{number} connection{'s' * (number > 1)}", number, cached=False) for number in numbers]
    return [*cases, *([Case(f"{max(numbers)}, cache hits", max(numbers), cached=True)] if hits else [])]


def _measure(
    sides: dict[str, Checkout],
    cases: list[Case],
    rounds: int,
    plan: measuring.Plan,
    save: Callable[[Duel], None],
) -> Duel:
    """``save`` is called after each round, so that an interrupted run keeps those before."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress, ExitStack() as stack:
        task = progress.add_task("Preparing photos and model", total=2 * rounds * len(cases))

        def step(what: str, advance: int = 1) -> None:
            progress.update(task, advance=advance, description=what)
            if not console.is_terminal:
                console.print(f"{progress.tasks[0].elapsed or 0:.0f} s: {what}")

        Service.build_model()
        sent = stack.enter_context(measuring.requests(plan.photos))
        contest = Contest.start(sides, plan, stack, lambda what: step(what, 0))
        if any(case.cached for case in cases):
            contest.fill_caches(sent.urls)
        found = Duel(Machine.here(len(limit.cores())), load.generator(), plan.seconds, contest.sides)
        for number in range(1, rounds + 1):
            found.rounds.append(
                contest.round(number, cases, sent, plan.seconds, lambda what, n=number: step(f"Round {n}: {what}"))  # type: ignore[misc]
            )
            save(found)
    return found


if __name__ == "__main__":
    app()
