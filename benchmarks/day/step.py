"""The simulation beside the real service: one step of load, measured on real Ray, and the same simulated.

``python -m benchmarks.day.step`` draws both. What was measured lies in measured.json beside this: a service
whose fake runtime takes 20 ms a call and 50 ms an image, so that six Classifiers have room on a machine of two cores.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from benchmarks.day.load import Rates
from benchmarks.day.outcome import Outcome
from benchmarks.day.picture import BLUE, GREY, ORANGE, STYLE
from benchmarks.day.plan import ROOT, Machine, Plan, read
from benchmarks.day.simulation import simulate

MEASURED: Final = Path(__file__).parent / "measured.json"
PICTURE: Final = ROOT / "docs" / "images" / "scaling-step.png"
TITLES: Final = {"queue and work": "as shipped: by queue and work", "queue alone": "by the queue alone"}
MACHINE: Final = Machine(call_ms=20.0, image_ms=52.0, overhead_ms=75.0, replica_start_s=8.0)
"""``overhead_ms`` is half of a lone request: two cores are shared by fourteen processes."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run, second by second."""

    busy_share: float
    rates: Rates
    classifiers: npt.NDArray[np.float64]
    images: npt.NDArray[np.float64]
    """Waiting or in work."""
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
    """As it was measured: one worker large enough for all, one ingress, six Classifiers at most."""
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


def draw(path: Path = PICTURE) -> None:
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only after the backend is chosen

    runs = measured()
    with plt.rc_context(STYLE):
        figure, rows = plt.subplots(2, len(runs), figsize=(12, 5), sharex=True, sharey="row")
        for (above, below), (name, run) in zip(rows.T, runs.items(), strict=True):
            outcome = simulated(run)
            above.set(title=TITLES[name])
            _pair(above, run.classifiers, outcome.course["classifiers"])
            _pair(below, run.images, outcome.course["in_system"])
            below.set(xlabel="seconds")
        rows[0][0].set(ylabel="Classifiers running")
        rows[1][0].set(ylabel="images waiting or in work")
        rows[0][0].legend(frameon=False, loc="lower center")
        figure.tight_layout()
        figure.savefig(path, dpi=110)
        plt.close(figure)


def _pair(axes: Any, real: Any, simulated: Any) -> None:  # noqa: ANN401 - matplotlib tells no types here
    axes.axvspan(30, 270, color=GREY, alpha=0.08, linewidth=0)
    axes.plot(simulated, color=ORANGE, linewidth=1.2, label="simulated")
    axes.plot(real, color=BLUE, linewidth=1.5, label="measured")
    axes.set_ylim(bottom=0)


if __name__ == "__main__":
    draw()
