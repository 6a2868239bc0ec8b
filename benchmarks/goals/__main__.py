"""Command of the table of goals: ``python -m benchmarks.goals``, or ``make bench-goals``."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from benchmarks.command import DOCS, HELP_OPTIONS, RESULTS, console
from benchmarks.goals import bench, comparison, growth
from benchmarks.goals.goal import Finding
from benchmarks.goals.report import rows
from benchmarks.growth.results import Growth
from benchmarks.peers.results import Comparison
from benchmarks.results import Benchmark
from benchmarks.tables import DocsBlock, markdown_table, terminal_table

BLOCK: Final = DocsBlock("<!-- goals: written by make bench-goals ARGS=--docs -->", "<!-- end of goals -->")
SOURCES: Final = {"latest.json": "make bench", "compare.json": "make bench-compare", "growth.json": "make bench-growth"}
"""Files of results, and the commands that write them."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings=HELP_OPTIONS)
def goals(
    *,
    results: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help=f"Folder with {', '.join(SOURCES)}.")
    ] = RESULTS,
    docs: Annotated[bool, typer.Option("--docs", help="Also update the table in docs/benchmarks.md.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON, not the table.")] = False,
) -> None:
    """Show which goals the results of the benchmarks meet. Nothing is measured.

    Exit status: 0 success; 1 a file has another format; 2 invalid arguments; 3 success, but a file is missing.

    Example: make bench bench-compare bench-growth && python -m benchmarks.goals --docs
    """
    try:
        found = findings(results)
    except ValueError as error:
        console.print(f"The results cannot be read: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    missing = [f"{file} is missing; {command} writes it." for file, command in SOURCES.items() if file not in found]
    every = [finding for group in found.values() for finding in group]
    if docs:
        BLOCK.write(DOCS / "benchmarks.md", [markdown_table(rows(every)), *missing])
    if as_json:
        print(json.dumps([asdict(each) | {"met": each.is_met, "flags": each.flags} for each in every]))
    else:
        Console(highlight=False, width=max(console.width, 160)).print(terminal_table("Goals", rows(every)))
    for note in missing:
        console.print(f"Note: {note}", style="yellow")
    raise typer.Exit(3 if missing else 0)


def findings(results: Path) -> dict[str, list[Finding]]:
    """By name of the file, those that exist. Raises ValueError for another format."""
    read: dict[str, Callable[[Path], list[Finding]]] = {
        "latest.json": lambda path: bench.findings(Benchmark.read(path)),
        "compare.json": lambda path: comparison.findings(Comparison.read(path)),
        "growth.json": lambda path: growth.findings(Growth.read(path)),
    }
    return {name: of(results / name) for name, of in read.items() if (results / name).exists()}


if __name__ == "__main__":
    app()
