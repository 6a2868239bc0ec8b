"""How a command ends that could not do what it should: a few plain lines, and an exit code that tells why."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from kuberay.exit_codes import ExitCode


@contextmanager
def ending(as_json: bool) -> Iterator[None]:
    """End the process with what a DeployError says, instead of a traceback."""
    from kuberay.errors import DeployError

    try:
        yield
    except DeployError as error:
        if as_json:
            typer.echo(json.dumps({"error": error.as_json()}))
        else:
            for text in filter(None, (error.message, error.advice)):
                typer.echo(printable(text), err=True)
        raise typer.Exit(error.code) from None
    except KeyboardInterrupt:
        typer.echo("Stopped looking. What was begun goes on in the cluster; `raylens wait` waits for it.", err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def printable(text: str) -> str:
    """Without the control characters that a terminal would obey; lines stay lines."""
    return "\n".join("".join(letter if letter.isprintable() else " " for letter in line) for line in text.split("\n"))
