"""Growth as a picture."""

import textwrap
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

from benchmarks.growth.bundles import BUNDLES
from benchmarks.growth.reads import CLASSIFY, DEEP_PAGE, TOPS
from benchmarks.growth.replicas import IMAGE_MS, REPLICAS
from benchmarks.growth.report import caption
from benchmarks.growth.results import Growth
from benchmarks.results import Spread

BLUE: Final = "#2b6cb0"
LIGHT: Final = "#90cdf4"
ORANGE: Final = "#dd6b20"
GREY: Final = "#718096"
COLOURS: Final = (BLUE, LIGHT, "#319795", GREY, ORANGE)


def draw(found: Growth, path: Path) -> None:
    """Write a PNG: throughput of more replicas, times of a full database, images a request; of what was measured."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only after the backend is chosen

    drawn = [
        draw_one
        for draw_one, there in (
            (_replicas, found.replicas),
            (_records, found.records),
            (_requests, found.requests),
        )
        if there
    ]
    style: Any = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 10, "axes.titleweight": "bold"}
    with plt.rc_context(style):
        figure, axes = plt.subplots(1, len(drawn), figsize=(4.6 * len(drawn), 4.8), squeeze=False)
        for each, draw_one in zip(axes[0], drawn, strict=True):
            draw_one(each, found)
        figure.text(0.01, 0.01, textwrap.fill(caption(found), 66 * len(drawn)), fontsize=8, color=GREY)
        figure.tight_layout(rect=(0, 0.07 if len(drawn) > 1 else 0.14, 1, 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
        plt.close(figure)


def _replicas(axes: Any, found: Growth) -> None:  # noqa: ANN401 - matplotlib tells no types here
    places = range(len(REPLICAS))
    rates = [found.of_replicas(place, lambda each: each.run.images_per_s) for place in places]
    free = found.of_replicas(len(REPLICAS), lambda each: each.run.images_per_s).median
    ideal = [number * 1e3 / IMAGE_MS for number in REPLICAS]
    axes.plot(REPLICAS, ideal, color=GREY, linestyle="--", label="the model alone")
    axes.errorbar(
        REPLICAS,
        [rate.median for rate in rates],
        yerr=_errors(rates),
        color=BLUE,
        marker="o",
        capsize=4,
        label="Raylens",
    )
    for number, rate, wanted in zip(REPLICAS, rates, ideal, strict=True):
        told = f"{rate.median:.0f}/s\n{100 * rate.median / wanted:.0f} %"
        above = number == REPLICAS[0]  # below is the axis
        axes.annotate(
            told,
            (number, rate.median),
            xytext=(-12, 6) if above else (6, -8),
            textcoords="offset points",
            va="bottom" if above else "top",
            fontsize=8,
        )
    axes.axhline(free, color=ORANGE, linewidth=1.5)
    axes.annotate(
        f"no model: {free:.0f}/s", (REPLICAS[0], free), xytext=(0, 3), textcoords="offset points", color=ORANGE
    )
    axes.set_xticks(REPLICAS)
    axes.set(
        title=f"More Classifiers, {IMAGE_MS:g} ms an image",
        xlabel="Classifiers",
        ylabel="images/s",
        xlim=(0.5, 9.5),
        ylim=(0, 1.12 * max(*ideal, free)),
    )
    axes.legend(frameon=False, loc="lower right")


def _records(axes: Any, found: Growth) -> None:  # noqa: ANN401
    sizes = [each.rows for each in found.records]
    for name, colour in zip((*TOPS, DEEP_PAGE, CLASSIFY), COLOURS, strict=True):
        medians = [each.api[name].median for each in found.records]
        axes.plot(sizes, medians, marker="o", color=colour, label=name)
    axes.set(
        title=f"More recorded, {found.database}",
        xlabel="classifications in the database",
        ylabel="milliseconds through the API, median",
        xscale="log",
    )
    axes.set_ylim(0, 1.5 * max(axes.get_ylim()))
    axes.legend(frameon=False, fontsize=8, loc="upper left", ncols=1)


def _requests(axes: Any, found: Growth) -> None:  # noqa: ANN401
    rates = [found.of_requests(bundle, lambda run: run.images_per_s) for bundle in BUNDLES]
    bars = axes.bar(
        [str(bundle) for bundle in BUNDLES], [rate.median for rate in rates], yerr=_errors(rates), capsize=4
    )
    for bar in bars:
        bar.set_color(BLUE)
    cpu = [found.of_requests(bundle, lambda run: run.cpu_ms("Ingress")).median for bundle in BUNDLES]
    labels = [f"{rate.median:.0f}/s\n{ms:.2f} ms" for rate, ms in zip(rates, cpu, strict=True)]
    axes.bar_label(bars, labels, label_type="center", color="white", fontsize=9)
    axes.set(
        title="More images a request",
        xlabel="images a request\n(ms: CPU of the ingress for an image)",
        ylabel="images/s",
    )


def _errors(spreads: list[Spread]) -> list[list[float]]:
    """From the least to the median, from the median to the greatest."""
    return [
        [spread.median - spread.least for spread in spreads],
        [spread.greatest - spread.median for spread in spreads],
    ]
