"""Why a command ends without doing what it should: one line on standard error, and an exit status."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import typer

from serve_app.cli.plain_text import plain


class Failure(Exception):
    """The message is for the user: what is wrong, and what to do."""

    exit_code: ClassVar[int] = 1


class WrongUsage(Failure):
    """What was typed, or set, cannot be."""

    exit_code = 2


class Unreachable(Failure):
    """There is no server."""

    exit_code = 3


class SignInNeeded(Failure):
    """The server wants to know who asks, or it is not theirs to do."""

    exit_code = 4


@contextmanager
def one_line() -> Iterator[None]:
    """End the process with what a Failure says, in one line, instead of a traceback."""
    try:
        yield
    except Failure as failure:
        typer.echo(plain(str(failure)), err=True)
        raise typer.Exit(failure.exit_code) from None
