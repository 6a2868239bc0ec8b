"""Colours and helpers shared by all charts."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

from benchmarks.results import Spread

BLUE: Final = "#2b6cb0"
LIGHT_BLUE: Final = "#90cdf4"
TEAL: Final = "#319795"
ORANGE: Final = "#dd6b20"
GREY: Final = "#718096"
LIGHT_GREY: Final = "#a0aec0"
STYLE: Final[Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titleweight": "bold",
    "font.size": 10,
}


@contextmanager
def chart(path: Path, rows: int, columns: int, *, dpi: int = 150, **options: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    """A figure and its axes, saved as a PNG at the end. ``options`` are those of ``pyplot.subplots``."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is selected

    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(rows, columns, **options)
        yield figure, axes
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=dpi)
        plt.close(figure)


def add_caption(figure: Any, text: str, *, width: int, height: float) -> None:  # noqa: ANN401 - matplotlib is untyped
    """Write a caption of ``width`` characters into the bottom ``height`` (0 to 1) of the figure."""
    figure.text(0.01, 0.01, textwrap.fill(text, width), fontsize=8, color=GREY)
    figure.tight_layout(rect=(0, height, 1, 1))


def error_bars(spreads: list[Spread], scale: float = 1.0) -> list[list[float]]:
    """Distances from the median to the minimum and to the maximum."""
    return [
        [scale * (spread.median - spread.least) for spread in spreads],
        [scale * (spread.greatest - spread.median) for spread in spreads],
    ]
