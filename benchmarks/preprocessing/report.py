"""The results of the preprocessing benchmark as tables, for the terminal and the documentation."""

from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.preprocessing.results import TOP, Preprocessing, Tally
from benchmarks.preprocessing.variants import SERVICE
from benchmarks.tables import DocsBlock, Rows, markdown_table, print_report

BLOCK: Final = DocsBlock(
    "<!-- preprocessing: written by make bench-preprocessing ARGS=--docs -->", "<!-- end of preprocessing -->"
)


def times(found: Preprocessing) -> Rows:
    """CPU milliseconds, absolute and relative to the service."""
    heading = ["CPU ms", *(column for size in found.tallies for column in (size, "÷ service"))]
    return [heading, *([name, *_times(found, name)] for name in _names(found))]


def _times(found: Preprocessing, name: str) -> list[str]:
    cells = []
    for of_size in found.tallies.values():
        cells += [f"{of_size[name].ms:.2f}", f"{of_size[name].ms / of_size[SERVICE].ms:.2f}"]
    return cells


def accuracy(found: Preprocessing) -> Rows:
    """Agreement with the reference by size; the other columns over all sizes."""
    heading = ["agreement, %", *found.tallies, f"top-{TOP} of labelled", "pixel difference", "probability difference"]
    return [heading, *([name, *_accuracy(found, name)] for name in _names(found))]


def _accuracy(found: Preprocessing, name: str) -> list[str]:
    tallies = [of_size[name] for of_size in found.tallies.values()]
    hits, labelled = sum(tally.hits for tally in tallies), sum(tally.labelled for tally in tallies)
    return [
        *(f"{100 * tally.agreement:.1f}" for tally in tallies),
        f"{hits} of {labelled}",
        f"{_mean(tallies, 'pixel_difference'):.2f}",
        f"{_mean(tallies, 'probability_difference'):.4f}",
    ]


def _mean(tallies: list[Tally], name: str) -> float:
    """Mean over the views of all sizes."""
    weighted = sum(float(getattr(tally, name)) * tally.views for tally in tallies)
    return weighted / sum(tally.views for tally in tallies)


def _names(found: Preprocessing) -> list[str]:
    return list(next(iter(found.tallies.values())))


def caption(found: Preprocessing) -> str:
    sizes = ", ".join(
        f"{of_size[SERVICE].views} views of {size} ({found.mean_bytes[size] / 1e3:,.0f} KB)"
        for size, of_size in found.tallies.items()
    )
    return (
        f"{found.model} in fp32; {sizes}; CPU time of one thread on {found.machine.cpu}, median of the views, each "
        f"the fastest of {found.repeats}; Raylens {found.versions['raylens']}, Pillow {found.versions['pillow']}; "
        f"{found.date[:10]}"
    )


def show(found: Preprocessing, console: Console) -> None:
    print_report(console, [("Time", times(found)), ("Accuracy", accuracy(found))], caption(found), [])


def write_into(page: Path, found: Preprocessing) -> None:
    """Write the generated block of a Markdown page. Raises ValueError if the page lacks the markers."""
    BLOCK.write(page, [caption(found) + ".", markdown_table(times(found)), markdown_table(accuracy(found))])
