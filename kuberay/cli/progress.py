"""Progress on standard error: one changing line on a terminal, else a line for each change."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from kuberay.cli.output import strip_control_characters

if TYPE_CHECKING:
    from rich.status import Status

    from kuberay.waiting import Progress


class SpinnerProgress:
    def __init__(self, status: "Status") -> None:
        self._status = status
        self._start = time.monotonic()

    def show(self, text: str) -> None:
        from rich.text import Text

        self._status.update(Text(f"{_elapsed(self._start)} {strip_control_characters(text)} …"))


class LineProgress:
    def __init__(self) -> None:
        self._last = ""
        self._start = time.monotonic()

    def show(self, text: str) -> None:
        if text != self._last:
            self._last = text
            typer.echo(f"{_elapsed(self._start)} {strip_control_characters(text)}", err=True)


@contextmanager
def show_progress() -> Iterator["Progress"]:
    if not sys.stderr.isatty():
        yield LineProgress()
        return
    from rich.console import Console

    with Console(stderr=True, highlight=False).status("") as status:
        yield SpinnerProgress(status)


def _elapsed(start: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - start), 60)
    return f"{minutes}:{seconds:02}"
