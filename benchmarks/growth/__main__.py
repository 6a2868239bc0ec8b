"""Command of the growth benchmark: ``python -m benchmarks.growth``, or ``make bench-growth``."""

from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import SQLAlchemyError

from benchmarks import limit, load
from benchmarks.command import DOCS, HELP_OPTIONS, RESULTS, console
from benchmarks.growth import charts, records, replicas, report, request_sizes
from benchmarks.growth.results import PARTS, RECORDS, REPLICAS, REQUESTS, Growth
from benchmarks.photos import photos
from benchmarks.results import Machine
from benchmarks.service import Service
from models.errors import ModelError
from serve_app.database.database_url import parse_database_url

FAILURES: Final = (RuntimeError, ValueError, ModelError, SQLAlchemyError, httpx.HTTPError)
"""Errors of services, load generators, databases, photos and models."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings=HELP_OPTIONS)
def growth(
    *,
    only: Annotated[
        str, typer.Option(metavar="PARTS", help=f"Parts to run, separated by commas: {', '.join(PARTS)}.")
    ] = (",".join(PARTS)),
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each load; each database is filled once.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, max=60, help="Length of each run.")] = 10.0,
    quick: Annotated[bool, typer.Option("--quick", help="One short round with few classifications.")] = False,
    database_url: Annotated[
        str, typer.Option(help="An empty MariaDB or MySQL database, which is emptied afterwards; default: SQLite.")
    ] = "",
    results: Annotated[Path, typer.Option(file_okay=False, help="Folder for growth.json and growth.png.")] = RESULTS,
    earlier: Annotated[
        Path | None,
        typer.Option(
            "--from", exists=True, dir_okay=False, help="Show the results of an earlier run instead of measuring."
        ),
    ] = None,
    docs: Annotated[bool, typer.Option("--docs", help="Also update the tables and the chart in docs/.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON, not the tables.")] = False,
) -> None:
    """Measure the cost of more replicas, more recorded classifications and more images per request.

    The results are used to size a cluster for 10,000 images per second. Temporarily needs about 7 GB of disk space.
    Close other programs first. Exit status: 0 success; 1 failure; 2 invalid arguments.

    Example: python -m benchmarks.growth --only replicas,requests --rounds 5
    """
    parts = _asked_for(only)
    _check(database_url, whole=bool(earlier) or set(parts) == set(PARTS), docs=docs)
    rounds, seconds = (1, 2.0) if quick else (rounds, seconds)
    try:
        found = Growth.read(earlier) if earlier else _measure(parts, rounds, seconds, (database_url, quick))
    except FAILURES as error:
        console.print(f"Benchmark failed: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    _write(found, results, docs=docs, is_new=not earlier)
    if as_json:
        print(found.as_json())
    else:
        report.show(found, Console(highlight=False, width=max(console.width, 140)))


def _asked_for(only: str) -> list[str]:
    names = [name.strip() for name in only.split(",") if name.strip()]
    if not names or set(names) - set(PARTS):
        raise typer.BadParameter(f"expected some of {', '.join(PARTS)}.", param_hint="--only")
    return names


def _check(database_url: str, *, whole: bool, docs: bool) -> None:
    if docs and not whole:
        raise typer.BadParameter("the documentation contains all parts; omit --only.", param_hint="--docs")
    if not database_url:
        return
    try:
        is_sqlite = parse_database_url(database_url).get_backend_name() == "sqlite"
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--database-url") from None
    if is_sqlite:
        raise typer.BadParameter(
            "SQLite is always measured in a temporary folder; omit the option.", param_hint="--database-url"
        )


def _measure(parts: list[str], rounds: int, seconds: float, filled: tuple[str, bool]) -> Growth:
    """``filled``: URL of the database, and whether to use few classifications."""
    database_url, few = filled
    found = Growth(Machine.here(len(limit.cores())), load.generator(), seconds)
    with Progress(TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("Preparing photos and model")

        def step(what: str) -> None:
            progress.update(task, description=what)

        if REPLICAS in parts:
            found.replicas = [replicas.measure(seconds, step) for _ in range(rounds)]
        if REQUESTS in parts:
            _measure_requests(found, rounds, seconds, step)
        if RECORDS in parts:
            sizes = records.QUICK_SIZES if few else records.SIZES
            found.database, found.records = records.measure(sizes, database_url, step)
    return found


def _measure_requests(found: Growth, rounds: int, seconds: float, step: request_sizes.Step) -> None:
    taken = photos()
    Service.build_model()
    found.photo_bytes = sum(map(len, taken)) / len(taken)
    for _ in range(rounds):
        each, found.model = request_sizes.measure(taken, seconds, step)
        found.requests.append(each)


def _write(found: Growth, results: Path, *, docs: bool, is_new: bool) -> None:
    if is_new:
        results.mkdir(parents=True, exist_ok=True)
        (results / "growth.json").write_text(found.as_json() + "\n")
        charts.draw(found, results / "growth.png")
    if docs:
        charts.draw(found, DOCS / "images" / "bench-growth.png")
        report.write_into(DOCS / "benchmarks.md", found)


if __name__ == "__main__":
    app()
