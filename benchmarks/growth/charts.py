"""The chart of the growth benchmark."""

from pathlib import Path
from typing import Any, Final

from benchmarks.growth.reads import CLASSIFY, DEEP_PAGE, TOPS
from benchmarks.growth.replicas import IMAGE_MS, REPLICAS
from benchmarks.growth.report import caption
from benchmarks.growth.request_sizes import IMAGES_PER_REQUEST
from benchmarks.growth.results import Growth
from benchmarks.plotting import BLUE, GREY, LIGHT_BLUE, ORANGE, TEAL, add_caption, chart, error_bars

COLOURS: Final = (BLUE, LIGHT_BLUE, TEAL, GREY, ORANGE)


def draw(found: Growth, path: Path) -> None:
    """Write a PNG with one panel for each part of the benchmark that was run."""
    drawn = [
        draw_one
        for draw_one, there in (
            (_replicas, found.replicas),
            (_records, found.records),
            (_requests, found.requests),
        )
        if there
    ]
    with chart(path, 1, len(drawn), figsize=(4.6 * len(drawn), 4.8), squeeze=False) as (figure, axes):
        for each, draw_one in zip(axes[0], drawn, strict=True):
            draw_one(each, found)
        add_caption(figure, caption(found), width=66 * len(drawn), height=0.07 if len(drawn) > 1 else 0.14)


def _replicas(axes: Any, found: Growth) -> None:  # noqa: ANN401 - matplotlib is untyped
    places = range(len(REPLICAS))
    rates = [found.of_replicas(place, lambda each: each.run.images_per_s) for place in places]
    free = found.of_replicas(len(REPLICAS), lambda each: each.run.images_per_s).median
    ideal = [number * 1e3 / IMAGE_MS for number in REPLICAS]
    axes.plot(REPLICAS, ideal, color=GREY, linestyle="--", label="the model alone")
    axes.errorbar(
        REPLICAS,
        [rate.median for rate in rates],
        yerr=error_bars(rates),
        color=BLUE,
        marker="o",
        capsize=4,
        label="Raylens",
    )
    for number, rate, maximum in zip(REPLICAS, rates, ideal, strict=True):
        label = f"{rate.median:.0f}/s\n{100 * rate.median / maximum:.0f} %"
        above = number == REPLICAS[0]  # the axis is below
        axes.annotate(
            label,
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
        title=f"More Classifiers, {IMAGE_MS:g} ms per image",
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
        title=f"More recorded classifications, {found.database}",
        xlabel="classifications in the database",
        ylabel="milliseconds through the API, median",
        xscale="log",
    )
    axes.set_ylim(0, 1.5 * max(axes.get_ylim()))
    axes.legend(frameon=False, fontsize=8, loc="upper left", ncols=1)


def _requests(axes: Any, found: Growth) -> None:  # noqa: ANN401
    rates = [found.of_requests(count, lambda run: run.images_per_s) for count in IMAGES_PER_REQUEST]
    bars = axes.bar(
        [str(count) for count in IMAGES_PER_REQUEST],
        [rate.median for rate in rates],
        yerr=error_bars(rates),
        capsize=4,
    )
    for bar in bars:
        bar.set_color(BLUE)
    cpu = [found.of_requests(count, lambda run: run.cpu_ms("Ingress")).median for count in IMAGES_PER_REQUEST]
    labels = [f"{rate.median:.0f}/s\n{ms:.2f} ms" for rate, ms in zip(rates, cpu, strict=True)]
    axes.bar_label(bars, labels, label_type="center", color="white", fontsize=9)
    axes.set(
        title="More images per request",
        xlabel="images per request\n(ms: CPU time of the Ingress per image)",
        ylabel="images/s",
    )
