"""Outcomes as people and programs want them, on standard output."""

import csv
import json
import sys
from typing import IO, Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from serve_app.cli.outcome import Answered, Failed, Outcome, Prediction

_BAR = 20
_SHORT_BAR = 10
_BLOCKS = " ▏▎▍▌▋▊▉█"


class Printer(Protocol):
    """Takes the outcomes one by one, in order."""

    def add(self, outcome: Outcome) -> None: ...

    def close(self) -> None: ...


class JsonLines:
    """One object a line: ``source`` and the API's body, or ``source`` and ``error {code, detail}``."""

    def __init__(self, out: IO[str] | None = None) -> None:
        self._out = out or sys.stdout

    def add(self, outcome: Outcome) -> None:
        if isinstance(outcome, Answered):
            line = {"source": outcome.source, **outcome.body}
        else:
            line = {"source": outcome.source, "error": {"code": outcome.code, "detail": outcome.detail}}
        self._out.write(json.dumps(line) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Nothing is held back."""


class CsvRows:
    """One row a prediction; an image that failed has one row, with ``error`` and ``detail``."""

    COLUMNS = ("source", "rank", "index", "wnid", "label", "probability", "error", "detail")

    def __init__(self, out: IO[str] | None = None) -> None:
        self._writer = csv.writer(out or sys.stdout, lineterminator="\n")
        self._writer.writerow(self.COLUMNS)

    def add(self, outcome: Outcome) -> None:
        if isinstance(outcome, Failed):
            self._writer.writerow((outcome.source, "", "", "", "", "", outcome.code, outcome.detail))
            return
        for p in outcome.predictions:
            self._writer.writerow((outcome.source, p.rank, p.index, p.wnid, p.label, f"{p.probability:.6f}", "", ""))

    def close(self) -> None:
        """Nothing is held back."""


class Tables:
    """For people: one image with its classes below each other, several as one table."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._outcomes: list[Outcome] = []

    def add(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)

    def close(self) -> None:
        answered = [outcome for outcome in self._outcomes if isinstance(outcome, Answered)]
        failed = [outcome for outcome in self._outcomes if isinstance(outcome, Failed)]
        if len(answered) == 1:
            self._console.print(_ranking(answered[0]))
        elif answered:
            self._console.print(_overview(answered))
        for failure in failed:
            self._console.print(Text.assemble((failure.code, "red"), f"  {failure.source}: {failure.detail}"))


def _ranking(outcome: Answered) -> Table:
    table = _table(outcome.source)
    for prediction in outcome.predictions:
        table.add_row(Text(str(prediction.rank), "dim"), *_cells(prediction), Text(prediction.wnid, "dim"))
    return table


def _overview(outcomes: list[Answered]) -> Table:
    table = _table(f"{len(outcomes)} images")
    for outcome in outcomes:
        best, *others = outcome.predictions
        second = f"{_readable(others[0].label)} {others[0].probability:.0%}" if others else ""
        table.add_row(Text(outcome.source, overflow="fold"), *_cells(best, _SHORT_BAR), Text(second, "dim"))
    return table


def _table(title: str) -> Table:
    return Table(title=Text(title), title_justify="left", show_header=False, box=None, pad_edge=False)


def _cells(prediction: Prediction, width: int = _BAR) -> tuple[Text, Text, Text]:
    return (
        Text(_readable(prediction.label), "bold" if prediction.rank == 1 else ""),
        Text(bar(prediction.probability, width), "green"),
        Text(f"{prediction.probability:.1%}", justify="right"),
    )


def _readable(label: str) -> str:
    return label.replace("_", " ")


def bar(share: float, width: int) -> str:
    """``share`` (0 to 1) of ``width`` cells, to an eighth of a cell."""
    full, eighths = divmod(round(min(1.0, max(0.0, share)) * width * 8), 8)
    return ("█" * full + (_BLOCKS[eighths] if eighths else "")).ljust(width)
