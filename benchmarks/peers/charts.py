"""The chart of the comparison."""

from pathlib import Path
from typing import Any, Final

from benchmarks.peers.report import caption, curve, rates_of
from benchmarks.peers.results import FULL, GOAL_MS, ONE, RAYLENS, Comparison
from benchmarks.peers.sizes import PHOTO
from benchmarks.plotting import BLUE, LIGHT_GREY, ORANGE, add_caption, chart, error_bars
from benchmarks.results import Spread

PEER_COLOURS: Final = ("#38a169", "#805ad5", "#d69e2e", "#319795", "#e53e3e", "#718096", "#b83280")


def draw(found: Comparison, path: Path) -> None:
    """Write a PNG of throughput, goodput of the open loop, latency of one client, and CPU time per image."""
    with chart(path, 2, 2, dpi=130, figsize=(14, 8.5)) as (figure, ((first, second), (third, fourth))):
        _throughput(first, found)
        _goodput(second, found)
        _bars(third, found, [found.spread(each.name, _latency) for each in found.subjects])
        third.set(title="Median latency of one client", xlabel="milliseconds")
        _bars(fourth, found, [found.spread(each.name, _cpu) for each in found.subjects])
        fourth.set(title="CPU time per image, 64 connections", xlabel="milliseconds, all processes of the system")
        add_caption(figure, caption(found), width=200, height=0.05)


def _latency(system: Any) -> float:  # noqa: ANN401
    return float(system.closed[ONE.name].load.median_ms)


def _cpu(system: Any) -> float:  # noqa: ANN401
    return float(system.closed[FULL.name].cpu_ms_per_image)


def _throughput(axes: Any, found: Comparison) -> None:  # noqa: ANN401 - matplotlib is untyped
    limit = found.limit(PHOTO).median
    _bars(axes, found, [found.rate(each.name, FULL) for each in found.subjects])
    axes.axvline(limit, color=ORANGE, linewidth=1.5)
    above = axes.get_xaxis_transform()  # the height as a share of the axes
    axes.text(limit, 0.02, f"limit {limit:.0f} ", color=ORANGE, ha="right", va="bottom", transform=above)
    axes.set(title="Throughput, 64 connections, without cache", xlabel="images/s")


def _bars(axes: Any, found: Comparison, spreads: list[Spread]) -> None:  # noqa: ANN401
    """One bar per system, Raylens on top."""
    bars = axes.barh(
        [each.title for each in found.subjects],
        [spread.median for spread in spreads],
        xerr=error_bars(spreads),
        capsize=3,
        color=[BLUE if each.name == RAYLENS else LIGHT_GREY for each in found.subjects],
    )
    axes.bar_label(bars, [f"{spread.median:.1f}" for spread in spreads], padding=6, fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.12)


def _goodput(axes: Any, found: Comparison) -> None:  # noqa: ANN401
    rates = [0.0, *rates_of(found)]
    axes.plot(rates, rates, color=ORANGE, linewidth=1, linestyle="--", label="all in time")
    others = iter(PEER_COLOURS)
    for each in found.subjects:
        colour, width = (BLUE, 2.5) if each.name == RAYLENS else (next(others), 1.3)
        points = [(0.0, 0.0), *curve(found, each.name)]
        axes.plot(*zip(*points, strict=True), color=colour, linewidth=width, marker="o", markersize=4, label=each.title)
    axes.set(
        title=f"Open loop: answered within {GOAL_MS:.0f} ms",
        xlabel="arriving requests/s (Poisson)",
        ylabel="images/s in time",
    )
    axes.legend(frameon=False, fontsize=8)
