"""Command of the preprocessing benchmark: ``python -m benchmarks.preprocessing``, or ``make bench-preprocessing``."""

import functools
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from benchmarks import limit
from benchmarks.command import DOCS, HELP_OPTIONS, console
from benchmarks.photos import NotEnoughPhotos
from benchmarks.preprocessing import report
from benchmarks.preprocessing.measuring import measure
from benchmarks.preprocessing.results import Preprocessing
from benchmarks.preprocessing.variants import variants
from benchmarks.preprocessing.views import SIZES, Size, views
from benchmarks.results import Machine
from benchmarks.service import ARTIFACTS, DEFAULT_MODEL
from models.errors import ModelError
from models.runtimes.loading import load_runtime
from models.zoo import resolve_model

QUICK: Final = 8
"""Views of each size."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings=HELP_OPTIONS)
def preprocessing(
    *,
    sizes: Annotated[str, typer.Option(metavar="WIDTHS", help="Photo widths, separated by commas.")] = ",".join(
        str(size.width) for size in SIZES
    ),
    most: Annotated[int, typer.Option("--views", min=1, help="Maximum number of views of each size.")] = 1000,
    repeats: Annotated[int, typer.Option(min=1, help="Repetitions per view; the fastest one counts.")] = 3,
    quick: Annotated[bool, typer.Option("--quick", help="A few views as a smoke test.")] = False,
    docs: Annotated[bool, typer.Option("--docs", help="Also update the tables in docs/benchmarks.md.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not the tables.")] = False,
) -> None:
    """Measure CPU time and accuracy of ways to decode and resize JPEG photos.

    The reference is the exact way: full decoding, then bicubic resizing with antialiasing. Takes about ten minutes.
    Exit status: 0 success; 1 failure; 2 invalid arguments.

    Example: python -m benchmarks.preprocessing --sizes 500,1000 --views 100
    """
    chosen = _chosen(sizes)
    if docs and (quick or chosen != SIZES):
        raise typer.BadParameter(
            "the documentation contains all sizes and views; omit --quick and --sizes.", param_hint="--docs"
        )
    try:
        found = _measure(chosen, QUICK if quick else most, 1 if quick else repeats)
    except (NotEnoughPhotos, ModelError, RuntimeError) as error:
        console.print(f"Benchmark failed: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    if docs:
        report.write_into(DOCS / "benchmarks.md", found)
    if as_json:
        print(found.as_json())
    else:
        report.show(found, Console(highlight=False))


def _chosen(widths: str) -> tuple[Size, ...]:
    asked = {width.strip() for width in widths.split(",")}
    chosen = tuple(size for size in SIZES if str(size.width) in asked)
    if len(chosen) != len(asked):
        raise typer.BadParameter(
            f"expected some of {', '.join(str(size.width) for size in SIZES)}.", param_hint="--sizes"
        )
    return chosen


def _measure(sizes: tuple[Size, ...], most: int, repeats: int) -> Preprocessing:
    spec = resolve_model(DEFAULT_MODEL)
    found = Preprocessing(Machine.here(len(limit.cores())), spec.name, repeats)
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:.0f} views"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        runtime = load_runtime(spec, runtime="openvino", precision="fp32", artifacts_dir=ARTIFACTS)
        for size in sizes:
            advance = functools.partial(progress.advance, progress.add_task(size.title))
            found.tallies[size.title], found.mean_bytes[size.title] = measure(
                views(size, most), variants(), spec.transform, runtime.predict, repeats=repeats, done=advance
            )
    return found


if __name__ == "__main__":
    app()
