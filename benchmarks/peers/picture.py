"""The comparison as a picture."""

import textwrap
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

from benchmarks.peers.report import caption, curve, rates_of
from benchmarks.peers.results import FULL, GOAL_MS, ONE, RAYLENS, Comparison
from benchmarks.peers.sizes import PHOTO
from benchmarks.results import Spread

BLUE: Final = "#2b6cb0"
ORANGE: Final = "#dd6b20"
GREY: Final = "#a0aec0"
DARK: Final = "#4a5568"
OTHERS: Final = ("#38a169", "#805ad5", "#d69e2e", "#319795", "#e53e3e", "#718096", "#b83280")


def draw(found: Comparison, path: Path) -> None:
    """Write a PNG: throughput beside the limit, goodput of the open loop, latency of one client, CPU an image."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only after the backend is chosen

    style: Any = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 10, "axes.titleweight": "bold"}
    with plt.rc_context(style):
        figure, ((first, second), (third, fourth)) = plt.subplots(2, 2, figsize=(14, 8.5), width_ratios=(1, 1))
        _throughput(first, found)
        _goodput(second, found)
        _bars(third, found, [found.spread(each.name, _latency) for each in found.subjects])
        third.set(title="Median latency of one client", xlabel="milliseconds")
        _bars(fourth, found, [found.spread(each.name, _cpu) for each in found.subjects])
        fourth.set(title="CPU time of an image, 64 connections", xlabel="milliseconds, all processes of the system")
        figure.text(0.01, 0.008, textwrap.fill(caption(found), 200), fontsize=8, color=DARK)
        figure.tight_layout(rect=(0, 0.05, 1, 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130)
        plt.close(figure)


def _latency(system: Any) -> float:  # noqa: ANN401
    return float(system.closed[ONE.name].load.median_ms)


def _cpu(system: Any) -> float:  # noqa: ANN401
    return float(system.closed[FULL.name].cpu_ms_per_image)


def _throughput(axes: Any, found: Comparison) -> None:  # noqa: ANN401 - matplotlib tells no types here
    limit = found.limit(PHOTO).median
    _bars(axes, found, [found.rate(each.name, FULL) for each in found.subjects])
    axes.axvline(limit, color=ORANGE, linewidth=1.5)
    above = axes.get_xaxis_transform()  # the height as a share of the axes
    axes.text(limit, 0.02, f"limit {limit:.0f} ", color=ORANGE, ha="right", va="bottom", transform=above)
    axes.set(title="Throughput, 64 connections, no cache", xlabel="images/s")


def _bars(axes: Any, found: Comparison, spreads: list[Spread]) -> None:  # noqa: ANN401
    """A bar a system, Raylens on top."""
    bars = axes.barh(
        [each.title for each in found.subjects],
        [spread.median for spread in spreads],
        xerr=[[each.median - each.least for each in spreads], [each.greatest - each.median for each in spreads]],
        capsize=3,
        color=[BLUE if each.name == RAYLENS else GREY for each in found.subjects],
    )
    axes.bar_label(bars, [f"{spread.median:.1f}" for spread in spreads], padding=6, fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.12)


def _goodput(axes: Any, found: Comparison) -> None:  # noqa: ANN401
    rates = [0.0, *rates_of(found)]
    axes.plot(rates, rates, color=ORANGE, linewidth=1, linestyle="--", label="all in time")
    others = iter(OTHERS)
    for each in found.subjects:
        colour, width = (BLUE, 2.5) if each.name == RAYLENS else (next(others), 1.3)
        points = [(0.0, 0.0), *curve(found, each.name)]
        axes.plot(*zip(*points, strict=True), color=colour, linewidth=width, marker="o", markersize=4, label=each.title)
    axes.set(
        title=f"Open loop: answered within {GOAL_MS:.0f} ms",
        xlabel="requests/s that arrive (Poisson)",
        ylabel="images/s in time",
    )
    axes.legend(frameon=False, fontsize=8)
