"""What is waited for, on standard error: one line that changes on a terminal, a line for each change elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from kuberay.cli.ending import printable

if TYPE_CHECKING:
    from rich.status import Status

    from kuberay.waiting import Progress


class OnTerminal:
    """A spinner with the text."""

    def __init__(self, status: "Status") -> None:
        self._status = status
        self._start = time.monotonic()

    def show(self, text: str) -> None:
        from rich.text import Text

        self._status.update(Text(f"{_since(self._start)} {printable(text)} …"))


class InLines:
    """For logs: what does not change is not said again."""

    def __init__(self) -> None:
        self._last = ""
        self._start = time.monotonic()

    def show(self, text: str) -> None:
        if text != self._last:
            self._last = text
            typer.echo(f"{_since(self._start)} {printable(text)}", err=True)


@contextmanager
def progress() -> Iterator["Progress"]:
    """As standard error is."""
    if not sys.stderr.isatty():
        yield InLines()
        return
    from rich.console import Console

    with Console(stderr=True, highlight=False).status("") as status:
        yield OnTerminal(status)


def _since(start: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - start), 60)
    return f"{minutes}:{seconds:02}"
