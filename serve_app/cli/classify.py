"""``raylens classify``."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from serve_app.cli.options import InsecureOption, JsonLinesOption, ServerOption, TokenOption

if TYPE_CHECKING:
    from rich.console import Console

    from serve_app.cli.image_inputs import ImageInput
    from serve_app.cli.image_result import ImageClassifier
    from serve_app.cli.result_writers import ResultWriter


@dataclass(frozen=True, slots=True)
class _ClassifyOptions:
    """How to classify: through a server or locally."""

    server: str
    token: str
    insecure: bool
    local: bool
    model: str | None
    runtime: str
    top_k: int
    jobs: int


def classify_command(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="PATH|URL|FOLDER…", help="Images, patterns, folders (searched recursively), - (stdin)."),
    ],
    *,
    server: ServerOption,
    token: TokenOption = "",
    insecure: InsecureOption = False,
    local: Annotated[bool, typer.Option("--local", help="Classify in this process, without a server.")] = False,
    model: Annotated[str | None, typer.Option(help="Model to use; default: the server's default model.")] = None,
    top_k: Annotated[int, typer.Option(min=1, max=1000, help="Number of classes per image.")] = 5,
    as_json: JsonLinesOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with one row per class.")] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, max=64, help="Concurrent images; default: 8, with --local the number of cores.")
    ] = None,
    runtime: Annotated[str, typer.Option(hidden=True, help="With --local: openvino, tensorflow or fake.")] = "auto",
) -> None:
    """Classify images.

    Exit status: 0 all images classified, 1 some images failed, 2 usage error or invalid settings,
    3 server unreachable, 4 the server requires a sign-in or denies the request.
    """
    from serve_app.cli.errors import exit_on_error
    from serve_app.cli.image_inputs import STDIN, expand

    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv cannot be combined.")
    if inputs.count(STDIN) > 1:
        raise typer.BadParameter("- (standard input) can only be given once.")
    jobs = jobs or (os.cpu_count() or 1 if local else 8)
    options = _ClassifyOptions(server, token, insecure, local, model, runtime, top_k, jobs)
    images = expand(inputs)
    # A progress bar and rows on the same terminal would overwrite each other.
    bar = len(images) > 1 and not ((as_json or as_csv) and sys.stdout.isatty())
    with exit_on_error():
        failures = asyncio.run(_run(images, options, _writer(as_json=as_json, as_csv=as_csv), bar=bar))
    raise typer.Exit(1 if failures else 0)


async def _run(images: "list[ImageInput]", options: _ClassifyOptions, writer: "ResultWriter", *, bar: bool) -> int:
    """Classify and print, with a progress bar if stderr is a terminal; returns the number of failures."""
    from rich.console import Console
    from rich.progress import Progress

    from serve_app.cli.image_result import FailedInput

    console = Console(stderr=True)
    failures = 0
    async with _classifier(options, console) as classifier:
        shown = bar and console.is_terminal
        progress = Progress(console=console, transient=True, redirect_stdout=False, disable=not shown)
        with closing(writer), progress:  # prints the results so far even after an error
            task = progress.add_task("Classifying", total=len(images))
            async for result in classifier.results(images):
                writer.write(result)
                failures += isinstance(result, FailedInput)
                progress.advance(task)
    return failures


@asynccontextmanager
async def _classifier(options: _ClassifyOptions, console: "Console") -> "AsyncIterator[ImageClassifier]":
    if options.local:
        from rich.markup import escape

        from serve_app.cli.local_classifier import open_local
        from serve_app.settings import settings

        current = settings()
        with console.status("Loading the model (the first time it is built, which takes some seconds) …"):
            local = open_local(
                current, options.model, top_k=options.top_k, threads=options.jobs, runtime=options.runtime
            )
        for warning in local.warnings:
            console.print(f"[yellow]Warning:[/] {escape(warning)}", soft_wrap=True, highlight=False)
        async with local:
            yield local
        return
    from serve_app.cli.address import Address
    from serve_app.cli.bearer_auth import bearer_auth_for
    from serve_app.cli.server_client import ServerClient

    address = Address.parse(options.server)
    auth = bearer_auth_for(address, options.token, insecure=options.insecure)
    async with ServerClient(address, auth=auth, jobs=options.jobs) as server:
        yield server.classifier(options.model, options.top_k)


def _writer(*, as_json: bool, as_csv: bool) -> "ResultWriter":
    from serve_app.cli.result_writers import CsvWriter, JsonLinesWriter, TableWriter

    return JsonLinesWriter() if as_json else CsvWriter() if as_csv else TableWriter()
