"""Results on standard output."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from kuberay.cli.ending import printable

if TYPE_CHECKING:
    from kuberay.release import Outcome


def tell(text: str, values: dict[str, Any], as_json: bool) -> None:
    """The text for people, the values for programs."""
    typer.echo(json.dumps(values) if as_json else printable(text))


def tell_outcome(outcome: "Outcome", as_json: bool) -> None:
    """What is there now."""
    state = "is up" if outcome.waited else "is given to KubeRay; `raylens wait` waits until it is up"
    text = f"{outcome.release} {state}: revision {outcome.revision} in namespace {outcome.namespace}."
    tell(text, asdict(outcome), as_json)


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns, folded where the terminal is narrow; nothing where there are no rows."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    made = Table(*headers, box=None, pad_edge=False)
    for row in rows:
        made.add_row(*(Text(printable(str(cell)), overflow="fold") for cell in row))
    console = Console(highlight=False)
    console.print(made)
    console.print()
