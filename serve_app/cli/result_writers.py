"""Writers of results to standard output: tables, JSON lines and CSV."""

import csv
import json
import sys
from typing import IO, Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from serve_app.cli.image_result import ClassifiedInput, FailedInput, ImageResult, PredictedClass

_BAR = 20
_SHORT_BAR = 10
_BLOCKS = " ▏▎▍▌▋▊▉█"


class ResultWriter(Protocol):
    """Takes the results one by one, in order."""

    def write(self, result: ImageResult) -> None: ...

    def close(self) -> None: ...


class JsonLinesWriter:
    """One object per line: ``source`` and the API's response body, or ``source`` and ``error {code, detail}``."""

    def __init__(self, out: IO[str] | None = None) -> None:
        self._out = out or sys.stdout

    def write(self, result: ImageResult) -> None:
        if isinstance(result, ClassifiedInput):
            line = {"source": result.source, **result.body}
        else:
            line = {"source": result.source, "error": {"code": result.code, "detail": result.detail}}
        self._out.write(json.dumps(line) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Do nothing: every result is already written."""


class CsvWriter:
    """One row per prediction; an image that failed has one row, with ``error`` and ``detail``."""

    _COLUMNS = ("source", "rank", "index", "wnid", "label", "probability", "error", "detail")

    def __init__(self, out: IO[str] | None = None) -> None:
        self._writer = csv.writer(out or sys.stdout, lineterminator="\n")
        self._writer.writerow(self._COLUMNS)

    def write(self, result: ImageResult) -> None:
        if isinstance(result, FailedInput):
            self._writer.writerow((result.source, "", "", "", "", "", result.code, result.detail))
            return
        for p in result.predictions:
            self._writer.writerow((result.source, p.rank, p.index, p.wnid, p.label, f"{p.probability:.6f}", "", ""))

    def close(self) -> None:
        """Do nothing: every result is already written."""


class TableWriter:
    """One image as a ranking of its classes, several images as one table."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._results: list[ImageResult] = []

    def write(self, result: ImageResult) -> None:
        self._results.append(result)

    def close(self) -> None:
        classified = [result for result in self._results if isinstance(result, ClassifiedInput)]
        failed = [result for result in self._results if isinstance(result, FailedInput)]
        if len(classified) == 1:
            self._console.print(_ranking(classified[0]))
        elif classified:
            self._console.print(_overview(classified))
        for failure in failed:
            text = Text.assemble((failure.code, "red"), f"  {failure.source}: {failure.detail}")
            self._console.print(text, soft_wrap=True)  # one line, whatever the width


def _ranking(result: ClassifiedInput) -> Table:
    table = _table(result.source)
    for prediction in result.predictions:
        table.add_row(Text(str(prediction.rank), "dim"), *_cells(prediction), Text(prediction.wnid, "dim"))
    return table


def _overview(results: list[ClassifiedInput]) -> Table:
    table = _table(f"{len(results)} images")
    for result in results:
        best, *others = result.predictions
        second = f"{_readable(others[0].label)} {others[0].probability:.0%}" if others else ""
        table.add_row(Text(result.source, overflow="fold"), *_cells(best, _SHORT_BAR), Text(second, "dim"))
    return table


def _table(title: str) -> Table:
    return Table(title=Text(title), title_justify="left", show_header=False, box=None, pad_edge=False)


def _cells(prediction: PredictedClass, width: int = _BAR) -> tuple[Text, Text, Text]:
    return (
        Text(_readable(prediction.label), "bold" if prediction.rank == 1 else ""),
        Text(bar(prediction.probability, width), "green"),
        Text(f"{prediction.probability:.1%}", justify="right"),
    )


def _readable(label: str) -> str:
    return label.replace("_", " ")


def bar(fraction: float, width: int) -> str:
    """A bar that fills ``fraction`` (0 to 1) of ``width`` cells, in eighths of a cell."""
    full, eighths = divmod(round(min(1.0, max(0.0, fraction)) * width * 8), 8)
    return ("█" * full + (_BLOCKS[eighths] if eighths else "")).ljust(width)
