"""The chart of the benchmark."""

from pathlib import Path
from typing import Any

from benchmarks.plotting import BLUE, LIGHT_BLUE, ORANGE, add_caption, chart, error_bars
from benchmarks.report import caption
from benchmarks.results import FULL_LOAD, HITS, UNCACHED, Benchmark


def draw(benchmark: Benchmark, path: Path) -> None:
    """Write a PNG of throughput relative to the limit, latencies, and cache hits."""
    with chart(path, 1, 3, figsize=(13, 4.8), width_ratios=(1.15, 1.35, 0.9)) as (figure, (left, middle, right)):
        _throughput(left, benchmark)
        _latencies(middle, benchmark)
        _hits(right, benchmark)
        add_caption(figure, caption(benchmark), width=190, height=0.07)


def _throughput(axes: Any, benchmark: Benchmark) -> None:  # noqa: ANN401 - matplotlib is untyped
    shares = [benchmark.share(case) for case in UNCACHED]
    bars = axes.bar(
        _ticks(), [100 * share.median for share in shares], yerr=error_bars(shares, 100), capsize=4, color=BLUE
    )
    labels = [
        f"{100 * share.median:.0f} %\n{benchmark.rate(case).median:.0f}/s"
        for share, case in zip(shares, UNCACHED, strict=True)
    ]
    axes.bar_label(bars, labels, label_type="center", color="white")
    axes.axhline(100, color=ORANGE, linewidth=1.5)
    axes.annotate(f"limit: {benchmark.limit().median:.0f} images/s", (-0.45, 101.5), color=ORANGE, va="bottom")
    axes.set(
        title="Throughput, cache off", ylabel="share of the machine's limit, %", xlabel="connections", ylim=(0, 115)
    )


def _latencies(axes: Any, benchmark: Benchmark) -> None:  # noqa: ANN401
    for offset, (name, colour) in enumerate((("median", LIGHT_BLUE), ("p90", BLUE), ("p99", ORANGE))):
        spreads = [
            benchmark.spread(lambda each, case=case, name=name: getattr(each.runs[case.name].load, f"{name}_ms"))  # type: ignore[misc]
            for case in UNCACHED
        ]
        at = [tick + (offset - 1) * 0.27 for tick in range(len(UNCACHED))]
        bars = axes.bar(at, [spread.median for spread in spreads], 0.25, label=name, color=colour)
        axes.bar_label(bars, [_ms(spread.median) for spread in spreads], padding=2, fontsize=8)
    axes.set_xticks(range(len(UNCACHED)), _ticks())
    axes.margins(y=0.2)
    axes.set(title="Latency, cache off", ylabel="milliseconds", xlabel="connections")
    axes.legend(frameon=False, loc="upper left")


def _hits(axes: Any, benchmark: Benchmark) -> None:  # noqa: ANN401
    spreads = [benchmark.rate(FULL_LOAD), benchmark.rate(HITS)]
    bars = axes.bar(
        ["cache off", "URL cache hits"],
        [spread.median for spread in spreads],
        yerr=error_bars(spreads),
        capsize=4,
        color=[BLUE, ORANGE],
    )
    axes.bar_label(bars, [f"{spread.median:.0f}" for spread in spreads], padding=4)
    p99 = benchmark.median(lambda each: each.runs[HITS.name].load.p99_ms)
    axes.margins(y=0.15)
    axes.set(
        title=f"Cache hits: {benchmark.hit_ratio().median:.1f} ×, p99 {_ms(p99)} ms",
        ylabel="images/s",
        xlabel="64 connections",
    )


def _ms(ms: float) -> str:
    return f"{ms:.1f}" if ms < 100 else f"{ms:.0f}"


def _ticks() -> list[str]:
    return [str(case.connections) for case in UNCACHED]
