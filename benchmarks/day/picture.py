"""A day as a picture, and what each alternative costs and brings as another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np

from benchmarks.day.outcome import MINUTE_S, Outcome, Summary
from benchmarks.day.plan import Plan

BLUE: Final = "#2b6cb0"
LIGHT: Final = "#90cdf4"
ORANGE: Final = "#dd6b20"
GREY: Final = "#718096"
STYLE: Final[Any] = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 10}


def draw(outcome: Outcome, plan: Plan, path: Path, since_s: int = 0, until_s: int | None = None) -> None:
    """Write a PNG of the day, or of the part of it between two seconds."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only after the backend is chosen

    until_s = min(until_s or outcome.seconds, outcome.seconds)
    with plt.rc_context(STYLE):
        figure, rows = plt.subplots(6, 1, figsize=(12, 13), sharex=True, height_ratios=(1.2, 1.2, 1, 1, 1, 0.7))
        short = until_s - since_s <= 7200
        scale, step, unit = (60, 1, "minutes") if short else (3600, MINUTE_S, "hours")
        course = {name: _thinned(values, step) for name, values in outcome.course.items()}
        at = np.arange(len(course["arrived"])) * step / scale
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
        _save(figure, path)
        plt.close(figure)


def _thinned(values: Any, step: int) -> Any:  # noqa: ANN401 - arrays
    """The means of so many seconds; what remains at the end is left out."""
    return values[: len(values) // step * step].reshape(-1, step).mean(axis=1)


def _load(axes: Any, at: Any, course: Mapping[str, Any]) -> None:  # noqa: ANN401 - matplotlib tells no types here
    axes.plot(at, course["arrived"], color=ORANGE, linewidth=1, label="arrived")
    axes.plot(at, course["answered"], color=BLUE, linewidth=1, label="answered")
    axes.set(ylabel="images/s")


def _replicas(axes: Any, at: Any, course: Mapping[str, Any], plan: Plan) -> None:  # noqa: ANN401
    most = plan.deployments["Classifier"].scaling.max_replicas
    axes.plot(at, np.minimum(course["wanted"], 1.2 * most), color=LIGHT, linewidth=0.8, label="Classifiers wanted")
    axes.plot(at, course["target"], color=ORANGE, linewidth=1, label="decided")
    axes.plot(at, course["classifiers"], color=BLUE, linewidth=1.5, label="running")
    axes.plot(at, course["preprocessors"], color=GREY, linewidth=1, label="Preprocessors running")
    axes.set(ylabel="replicas")


def _workers(axes: Any, at: Any, course: Mapping[str, Any], plan: Plan) -> None:  # noqa: ANN401
    axes.plot(at, course["nodes"], color=ORANGE, linewidth=1, label="nodes paid for")
    axes.plot(at, course["workers"], color=BLUE, linewidth=1.5, label="workers (pods)")
    axes.axhline(plan.workers.most, color=GREY, linewidth=0.7, linestyle=":")
    axes.set(ylabel="workers")


def _queue(axes: Any, at: Any, course: Mapping[str, Any], plan: Plan) -> None:  # noqa: ANN401
    axes.plot(at, course["in_system"], color=BLUE, linewidth=1, label="images waiting or in work")
    most = plan.policy["images_per_classifier"] * course["classifiers"]
    axes.plot(at, most, color=ORANGE, linewidth=0.8, label="above this, more Classifiers are wanted")
    axes.set(ylabel="images")


def _latency(axes: Any, outcome: Outcome, scale: int) -> None:  # noqa: ANN401
    at = (np.arange(len(outcome.minutes)) + 0.5) * MINUTE_S / scale
    p50, _, p99 = 1e3 * np.array(outcome.minutes).T
    axes.plot(at, p99, color=ORANGE, linewidth=1, label="p99 of a minute")
    axes.plot(at, p50, color=BLUE, linewidth=1, label="p50")
    axes.set(ylabel="latency, ms")


def _refused(axes: Any, at: Any, course: Mapping[str, Any]) -> None:  # noqa: ANN401
    axes.fill_between(at, 100 * course["refused"] / np.maximum(course["arrived"], 1), color=ORANGE)
    axes.set(ylabel="refused, %")


def draw_alternatives(summaries: Mapping[str, Summary], path: Path) -> None:
    """Write a PNG: cost, slowest hundredth, and what is refused, side by side."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    with plt.rc_context(STYLE):
        figure, columns = plt.subplots(1, 3, figsize=(13, 0.42 * len(summaries) + 1.2), sharey=True)
        names = list(summaries)[::-1]
        each = [summaries[name] for name in names]
        drawn = (
            ("cost of the nodes", [one.cost for one in each], "{:.0f}"),
            ("p99, ms", [one.p99_ms for one in each], "{:.0f}"),
            ("refused, %", [100 * one.refused_share for one in each], "{:.2f}"),
        )
        for axes, (title, values, form) in zip(columns, drawn, strict=True):
            colours = [ORANGE if name == "as configured" else BLUE for name in names]
            axes.bar_label(axes.barh(names, values, color=colours), [form.format(value) for value in values], padding=3)
            axes.set(title=title)
            axes.margins(x=0.15)
        _save(figure, path)
        plt.close(figure)


def _save(figure: Any, path: Path) -> None:  # noqa: ANN401
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
