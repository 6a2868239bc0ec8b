"""``raylens classify``."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from serve_app.cli.options import DEFAULT_SERVER, Insecure, ServerUrl, Token

if TYPE_CHECKING:
    from rich.console import Console

    from serve_app.cli.outcome import Classifier
    from serve_app.cli.printing import Printer
    from serve_app.cli.sources import Source


@dataclass(frozen=True, slots=True)
class Where:
    """Who classifies."""

    server: str
    token: str
    insecure: bool
    local: bool
    model: str | None
    runtime: str
    top_k: int
    jobs: int


def classify(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH|URL|FOLDER…", help="Images, patterns, folders (searched to the bottom), - (stdin)."
        ),
    ],
    *,
    server: ServerUrl = DEFAULT_SERVER,
    token: Token = "",
    insecure: Insecure = False,
    local: Annotated[bool, typer.Option("--local", help="Classify in this process, without a server.")] = False,
    model: Annotated[str | None, typer.Option(help="Model to ask for; otherwise the default one.")] = None,
    top_k: Annotated[int, typer.Option(min=1, max=1000, help="Classes to show of each image.")] = 5,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, in the order of the images.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="One row a class, with a header.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, max=64, help="Images at once (8; locally the cores).")] = None,
    runtime: Annotated[str, typer.Option(hidden=True, help="With --local: openvino, tensorflow or fake.")] = "auto",
) -> None:
    """Say what is in images.

    Exit status: 0 all were classified, 1 some were not, 2 wrong usage or settings, 3 there is no server,
    4 the server wants to know who you are, or does not allow it.
    """
    from serve_app.cli.failure import one_line
    from serve_app.cli.sources import STDIN, expand

    if as_json and as_csv:
        raise typer.BadParameter("Choose one of --json and --csv.")
    if inputs.count(STDIN) > 1:
        raise typer.BadParameter("- (standard input) can be given once.")
    jobs = jobs or (os.cpu_count() or 1 if local else 8)
    where = Where(server, token, insecure, local, model, runtime, top_k, jobs)
    sources = expand(inputs)
    # A bar and rows on the same terminal would write over each other.
    bar = len(sources) > 1 and not ((as_json or as_csv) and sys.stdout.isatty())
    with one_line():
        failures = asyncio.run(_run(sources, where, _printer(as_json=as_json, as_csv=as_csv), bar=bar))
    raise typer.Exit(1 if failures else 0)


async def _run(sources: "list[Source]", where: Where, printer: "Printer", *, bar: bool) -> int:
    """Classify and print, with a bar on stderr if that is a terminal; return how many failed."""
    from rich.console import Console
    from rich.progress import Progress

    from serve_app.cli.outcome import Failed

    console = Console(stderr=True)
    failures = 0
    async with _classifier(where, console) as classifier:
        shown = bar and console.is_terminal
        progress = Progress(console=console, transient=True, redirect_stdout=False, disable=not shown)
        with closing(printer), progress:  # whatever ends the run, what was answered before is printed
            task = progress.add_task("Classifying", total=len(sources))
            async for outcome in classifier.outcomes(sources):
                printer.add(outcome)
                failures += isinstance(outcome, Failed)
                progress.advance(task)
    return failures


@asynccontextmanager
async def _classifier(where: Where, console: "Console") -> "AsyncIterator[Classifier]":
    if where.local:
        from serve_app.cli.local import open_local
        from serve_app.settings import settings

        known = settings()
        with console.status("Loading the model; the first time it is built, which takes some seconds…"):
            local = open_local(known, where.model, top_k=where.top_k, threads=where.jobs, runtime=where.runtime)
        async with local:
            yield local
        return
    from serve_app.cli.address import Address
    from serve_app.cli.bearer import bearer_of
    from serve_app.cli.server import Server

    address = Address.parse(where.server)
    bearer = bearer_of(address, where.token, insecure=where.insecure)
    async with Server(address, bearer=bearer, jobs=where.jobs) as server:
        yield server.classifier(where.model, where.top_k)


def _printer(*, as_json: bool, as_csv: bool) -> "Printer":
    from serve_app.cli.printing import CsvRows, JsonLines, Tables

    return JsonLines() if as_json else CsvRows() if as_csv else Tables()
