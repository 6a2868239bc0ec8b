"""Command of the benchmark: ``python -m benchmarks.run``, or ``make bench``."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import charts, limit, load, measuring, report
from benchmarks.command import DOCS, HELP_OPTIONS, RESULTS, console
from benchmarks.load import LoadFailed
from benchmarks.photos import NotEnoughPhotos, photos
from benchmarks.results import Benchmark, Machine, Round
from benchmarks.service import Service, ServiceFailed
from models.errors import ModelError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings=HELP_OPTIONS)
def bench(
    *,
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds; each measures the service and the limit.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, max=50, help="Length of each run.")] = 10.0,
    quick: Annotated[bool, typer.Option("--quick", help="One short round as a smoke test; about a minute.")] = False,
    config: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A different serve.yaml, to compare settings.")
    ] = None,
    results: Annotated[Path, typer.Option(file_okay=False, help="Folder for latest.json and latest.png.")] = RESULTS,
    earlier: Annotated[
        Path | None,
        typer.Option(
            "--from", exists=True, dir_okay=False, help="Show the results of an earlier run instead of measuring."
        ),
    ] = None,
    docs: Annotated[bool, typer.Option("--docs", help="Also update the tables and the chart in docs/.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON, not the tables.")] = False,
) -> None:
    """Measure throughput relative to the hardware limit, latency, cache hits, CPU time, memory and start-up time.

    Close other programs first. Exit status: 0 success; 1 failure, or refused requests; 2 invalid arguments.

    Example: python -m benchmarks.run --rounds 5 --seconds 20
    """
    rounds, seconds = (1, 2.0) if quick else (rounds, seconds)
    try:
        benchmark = Benchmark.read(earlier) if earlier else _measure(rounds, seconds, config)
    except (ServiceFailed, LoadFailed, NotEnoughPhotos, ModelError, RuntimeError, ValueError) as error:
        console.print(f"Benchmark failed: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    _write(benchmark, results, docs=docs, is_new=not earlier)
    if as_json:
        print(json.dumps(benchmark.as_dict()))
    else:
        report.show(benchmark, Console(highlight=False))
    raise typer.Exit(1 if benchmark.errors() else 0)


def _measure(rounds: int, seconds: float, config: Path | None) -> Benchmark:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Preparing photos and model", total=1 + rounds * measuring.STEPS)
        taken = photos()
        Service.build_model()
        plan = measuring.Plan(taken, seconds, config)
        found: list[tuple[Round, dict[str, Any]]] = []
        with measuring.requests(taken) as sent:
            for number in range(1, rounds + 1):

                def step(what: str, number: int = number) -> None:
                    progress.update(task, advance=1, description=f"Round {number} of {rounds}: {what}")

                found.append(measuring.measure(plan, sent, step))
    return Benchmark(
        machine=Machine.here(len(limit.cores())),
        generator=load.generator(),
        seconds=seconds,
        photos=len(taken),
        photo_bytes=sum(map(len, taken)) / len(taken),
        model=found[-1][1],
        rounds=[each for each, _ in found],
    )


def _write(benchmark: Benchmark, results: Path, *, docs: bool, is_new: bool) -> None:
    if is_new:
        results.mkdir(parents=True, exist_ok=True)
        (results / "latest.json").write_text(json.dumps(benchmark.as_dict(), indent=1) + "\n")
        charts.draw(benchmark, results / "latest.png")
    if docs:
        charts.draw(benchmark, DOCS / "images" / "bench.png")
        report.write_into(DOCS / "benchmarks.md", benchmark)


if __name__ == "__main__":
    app()
