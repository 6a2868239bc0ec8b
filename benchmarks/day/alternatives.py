"""The same day with one thing changed: what each knob costs and brings."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

from benchmarks.day.experiment import Experiment
from benchmarks.day.outcome import Summary

CLASSIFIER: Final = "serve.deployments.Classifier.autoscaling_config"
NEVER: Final = 1e6
"""No replica is ever so busy."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """``settings`` as of ``helm --set``, over those of the day."""

    name: str
    settings: tuple[str, ...] = ()


KNOBS: Final = (
    Alternative("by the queue alone", (f"serve.autoscaling.busy_share={NEVER}",)),
    Alternative("20 images a Classifier", ("serve.autoscaling.images_per_classifier=20",)),
    Alternative("80 images a Classifier", ("serve.autoscaling.images_per_classifier=80",)),
    Alternative("busy share 0.6", ("serve.autoscaling.busy_share=0.6",)),
    Alternative("down after 300 s", (f"{CLASSIFIER}.downscale_delay_s=300",)),
    Alternative("up after 10 s", (f"{CLASSIFIER}.upscale_delay_s=10",)),
    Alternative("8 Classifiers at least", (f"{CLASSIFIER}.min_replicas=8", "workers.minReplicas=4")),
    Alternative("4 workers at least", ("workers.minReplicas=4",)),
    Alternative("workers idle for 30 min", ("workers.idleTimeoutSeconds=1800",)),
    Alternative("1024 may wait", ("serve.args.queue.max_waiting=1024",)),
    Alternative("workers of 4 CPUs", ("workers.resources.limits.cpu=4", "workers.maxReplicas=10")),
)


def fixed(name: str, images_per_s: float, experiment: Experiment) -> Alternative:
    """No scaling: as many replicas as this rate needs at the policy's ``busy_share``, and workers for them."""
    plan, machine = experiment.plan(), experiment.machine
    per_classifier = 1e3 / (machine.image_ms + machine.call_ms * 2 / plan.in_work)
    classifiers = math.ceil(images_per_s / per_classifier / plan.policy["busy_share"])
    counts = {
        "Classifier": classifiers,
        "Preprocessor": math.ceil(classifiers / plan.policy["classifiers_per_preprocessor"]),
        "Ingress": math.ceil(images_per_s * machine.ingress_ms / 1e3 / plan.policy["busy_share"]),
    }
    cpus = sum(count * plan.deployments[deployment].cpus for deployment, count in counts.items())
    workers = math.ceil(cpus / (0.9 * plan.workers.cpus))
    bounds = [
        f"serve.deployments.{deployment}.autoscaling_config.{bound}_replicas={count}"
        for deployment, count in counts.items()
        for bound in ("min", "max")
    ]
    return Alternative(name, (*bounds, f"workers.minReplicas={workers}", f"workers.maxReplicas={workers}"))


def compare(
    experiment: Experiment, alternatives: Sequence[Alternative], heard: Callable[[], None] = lambda: None
) -> dict[str, Summary]:
    """Each on a core of its own, all with the same images. ``heard`` is told of each that is done."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_summary, experiment, each): each for each in alternatives}
        found = {}
        for future in as_completed(futures):
            found[futures[future].name] = future.result()
            heard()
    return {each.name: found[each.name] for each in alternatives}


def _summary(experiment: Experiment, each: Alternative) -> Summary:
    return experiment.run(*each.settings).summary(experiment.machine.node_price)
