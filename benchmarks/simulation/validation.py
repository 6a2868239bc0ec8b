"""Validates the simulation: a step in the load, measured with real Ray and simulated.

``python -m benchmarks.simulation.validation`` draws both. The measurements are in measured.json: a service whose fake
runtime takes 20 ms per call and 50 ms per image, so that six Classifiers fit on a machine with two cores.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.command import DOCS
from benchmarks.plotting import BLUE, GREY, ORANGE, chart
from benchmarks.simulation.load import Rates
from benchmarks.simulation.outcome import Outcome
from benchmarks.simulation.plan import Machine, Plan, read
from benchmarks.simulation.simulate import simulate

MEASURED: Final = Path(__file__).parent / "measured.json"
CHART: Final = DOCS / "images" / "scaling-step.png"
TITLES: Final = {"queue and work": "as shipped: by queue and utilization", "queue alone": "by the queue alone"}
MACHINE: Final = Machine(call_ms=20.0, image_ms=52.0, overhead_ms=75.0, replica_start_s=8.0)
"""``overhead_ms`` is half the latency of a single request, because fourteen processes share two cores."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run; arrays have one element per second."""

    busy_share: float
    rates: Rates
    classifiers: npt.NDArray[np.float64]
    images: npt.NDArray[np.float64]
    """Images waiting or being processed."""
    answered: int
    refused: int


def measured(path: Path = MEASURED) -> dict[str, Measured]:
    """By name of the policy."""
    return {name: _run(document) for name, document in json.loads(path.read_text()).items()}


def _run(document: Mapping[str, Any]) -> Measured:
    rates = np.concatenate([np.full(seconds, float(rate)) for seconds, rate in document["steps"]])
    classifiers, images = (np.array(document[name], float) for name in ("classifiers", "images"))
    return Measured(document["busy_share"], rates, classifiers, images, document["answered"], document["refused"])


def plan(busy_share: float) -> Plan:
    """The measured configuration: one large worker, one Ingress, at most six Classifiers."""
    classifier = "serve.deployments.Classifier.autoscaling_config"
    return read(
        (),
        (
            f"serve.autoscaling.busy_share={busy_share}",
            f"{classifier}.max_replicas=6",
            f"{classifier}.downscale_delay_s=20",
            "serve.deployments.Preprocessor.autoscaling_config.max_replicas=1",
            "workers.minReplicas=1",
            "workers.resources.limits.cpu=16",
        ),
    )


def simulated(run: Measured, seed: int = 1) -> Outcome:
    return simulate(plan(run.busy_share), MACHINE, run.rates, np.random.default_rng(seed))


def draw(path: Path = CHART) -> None:
    runs = measured()
    with chart(path, 2, len(runs), dpi=110, figsize=(12, 5), sharex=True, sharey="row") as (figure, rows):
        for (above, below), (name, run) in zip(rows.T, runs.items(), strict=True):
            outcome = simulated(run)
            above.set(title=TITLES[name])
            _pair(above, run.classifiers, outcome.course["classifiers"])
            _pair(below, run.images, outcome.course["in_system"])
            below.set(xlabel="seconds")
        rows[0][0].set(ylabel="Classifiers running")
        rows[1][0].set(ylabel="images waiting or processed")
        rows[0][0].legend(frameon=False, loc="lower center")
        figure.tight_layout()


def _pair(axes: Any, real: Any, simulated: Any) -> None:  # noqa: ANN401 - matplotlib is untyped
    axes.axvspan(30, 270, color=GREY, alpha=0.08, linewidth=0)
    axes.plot(simulated, color=ORANGE, linewidth=1.2, label="simulated")
    axes.plot(real, color=BLUE, linewidth=1.5, label="measured")
    axes.set_ylim(bottom=0)


if __name__ == "__main__":
    draw()
