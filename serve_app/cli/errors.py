"""Errors that end a command: one line on standard error and an exit status."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import typer

from serve_app.cli.terminal_text import printable_line


class CommandError(Exception):
    """The message tells the user what is wrong and what to do."""

    exit_code: ClassVar[int] = 1


class UsageError(CommandError):
    """Invalid arguments, options, settings or input."""

    exit_code = 2


class ServerUnreachable(CommandError):
    """No Raylens server answers at the address."""

    exit_code = 3


class AccessDenied(CommandError):
    """The server requires a sign-in, or the credential lacks a permission."""

    exit_code = 4


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Print a CommandError as one line on standard error and exit with its status, without a traceback."""
    try:
        yield
    except CommandError as error:
        typer.echo(printable_line(str(error)), err=True)
        raise typer.Exit(error.exit_code) from None
