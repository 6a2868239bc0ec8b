"""Prints results to standard output."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from kuberay.release import DeployResult


def strip_control_characters(text: str) -> str:
    """Makes text safe to print on a terminal, with its line breaks."""
    return "\n".join("".join(letter if letter.isprintable() else " " for letter in line) for line in text.split("\n"))


def print_result(text: str, values: dict[str, Any], as_json: bool) -> None:
    typer.echo(json.dumps(values) if as_json else strip_control_characters(text))


def print_deploy_result(result: "DeployResult", as_json: bool) -> None:
    state = "is ready" if result.waited else "is installed; `raylens wait` waits until it is ready"
    text = f"{result.release} {state}: revision {result.revision} in namespace {result.namespace}."
    print_result(text, asdict(result), as_json)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints nothing without rows."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(*headers, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(strip_control_characters(str(cell)), overflow="fold") for cell in row))
    console = Console(highlight=False)
    console.print(table)
    console.print()
