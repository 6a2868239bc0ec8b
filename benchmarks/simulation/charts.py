"""Charts: the course of a simulated day, and the cost and effect of alternatives."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plotting import BLUE, GREY, LIGHT_BLUE, ORANGE, chart
from benchmarks.simulation.outcome import MINUTE_S, Outcome, Summary
from benchmarks.simulation.plan import Plan


def draw(outcome: Outcome, plan: Plan, path: Path, since_s: int = 0, until_s: int | None = None) -> None:
    """Write a PNG of the simulation, or of the part between two seconds."""
    until_s = min(until_s or outcome.seconds, outcome.seconds)
    is_short = until_s - since_s <= 7200
    scale, step, unit = (60, 1, "minutes") if is_short else (3600, MINUTE_S, "hours")
    course = {name: _thinned(values, step) for name, values in outcome.course.items()}
    at = np.arange(len(course["arrived"])) * step / scale
    heights = (1.2, 1.2, 1, 1, 1, 0.7)
    with chart(path, 6, 1, dpi=110, figsize=(12, 13), sharex=True, height_ratios=heights) as (figure, rows):
        _load(rows[0], at, course)
        _replicas(rows[1], at, course, plan)
        _workers(rows[2], at, course, plan)
        _queue(rows[3], at, course, plan)
        _latency(rows[4], outcome, scale)
        _refused(rows[5], at, course)
        rows[-1].set(xlabel=unit, xlim=(since_s / scale, until_s / scale))
        for row in rows:
            row.set_ylim(bottom=0)
            if row.get_legend_handles_labels()[0]:
                row.legend(frameon=False, ncols=4, loc="upper left", fontsize=9)
        figure.tight_layout()


def _thinned(values: Any, step: int) -> Any:  # noqa: ANN401 - arrays
    """Means over intervals of ``step`` seconds; an incomplete interval at the end is dropped."""
    return values[: len(values) // step * step].reshape(-1, step).mean(axis=1)


def _load(axes: Any, at: Any, course: Mapping[str, Any]) -> None:  # noqa: ANN401 - matplotlib is untyped
    axes.plot(at, course["arrived"], color=ORANGE, linewidth=1, label="arrived")
    axes.plot(at, course["answered"], color=BLUE, linewidth=1, label="answered")
    axes.set(ylabel="images/s")


def _replicas(axes: Any, at: Any, course: Mapping[str, Any], plan: Plan) -> None:  # noqa: ANN401
    most = plan.deployments["Classifier"].scaling.max_replicas
    axes.plot(
        at, np.minimum(course["desired"], 1.2 * most), color=LIGHT_BLUE, linewidth=0.8, label="Classifiers desired"
    )
    axes.plot(at, course["target"], color=ORANGE, linewidth=1, label="target")
    axes.plot(at, course["classifiers"], color=BLUE, linewidth=1.5, label="running")
    axes.plot(at, course["preprocessors"], color=GREY, linewidth=1, label="Preprocessors running")
    axes.set(ylabel="replicas")


def _workers(axes: Any, at: Any, course: Mapping[str, Any], plan: Plan) -> None:  # noqa: ANN401
    axes.plot(at, course["nodes"], color=ORANGE, linewidth=1, label="nodes")
    axes.plot(at, course["workers"], color=BLUE, linewidth=1.5, label="workers (pods)")
    axes.axhline(plan.workers.most, color=GREY, linewidth=0.7, linestyle=":")
    axes.set(ylabel="workers")


def _queue(axes: Any, at: Any, course: Mapping[str, Any], plan: Plan) -> None:  # noqa: ANN401
    axes.plot(at, course["in_system"], color=BLUE, linewidth=1, label="images waiting or processed")
    most = plan.policy["images_per_classifier"] * course["classifiers"]
    axes.plot(at, most, color=ORANGE, linewidth=0.8, label="scale-up threshold")
    axes.set(ylabel="images")


def _latency(axes: Any, outcome: Outcome, scale: int) -> None:  # noqa: ANN401
    at = (np.arange(len(outcome.minutes)) + 0.5) * MINUTE_S / scale
    p50, _, p99 = 1e3 * np.array(outcome.minutes).T
    axes.plot(at, p99, color=ORANGE, linewidth=1, label="p99 per minute")
    axes.plot(at, p50, color=BLUE, linewidth=1, label="p50")
    axes.set(ylabel="latency, ms")


def _refused(axes: Any, at: Any, course: Mapping[str, Any]) -> None:  # noqa: ANN401
    axes.fill_between(at, 100 * course["refused"] / np.maximum(course["arrived"], 1), color=ORANGE)
    axes.set(ylabel="refused, %")


def draw_alternatives(summaries: Mapping[str, Summary], path: Path) -> None:
    """Write a PNG that compares cost, p99 latency and refused images."""
    names = list(summaries)[::-1]
    each = [summaries[name] for name in names]
    panels = (
        ("cost of the nodes", [one.cost for one in each], "{:.0f}"),
        ("p99, ms", [one.p99_ms for one in each], "{:.0f}"),
        ("refused, %", [100 * one.refused_share for one in each], "{:.2f}"),
    )
    size = (13, 0.42 * len(summaries) + 1.2)
    with chart(path, 1, 3, dpi=110, figsize=size, sharey=True) as (figure, columns):
        for axes, (title, values, form) in zip(columns, panels, strict=True):
            colours = [ORANGE if name == "as configured" else BLUE for name in names]
            axes.bar_label(axes.barh(names, values, color=colours), [form.format(value) for value in values], padding=3)
            axes.set(title=title)
            axes.margins(x=0.15)
        figure.tight_layout()
