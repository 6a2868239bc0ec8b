"""Variations of a simulated day with one setting changed."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

from benchmarks.simulation.experiment import Experiment
from benchmarks.simulation.outcome import Summary

CLASSIFIER: Final = "serve.deployments.Classifier.autoscaling_config"
NEVER: Final = 1e6
"""A utilization that is never reached."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """``settings`` in the syntax of ``helm --set``, applied on top of those of the experiment."""

    name: str
    settings: tuple[str, ...] = ()


ALTERNATIVES: Final = (
    Alternative("by the queue alone", (f"serve.autoscaling.busy_share={NEVER}",)),
    Alternative("20 images per Classifier", ("serve.autoscaling.images_per_classifier=20",)),
    Alternative("80 images per Classifier", ("serve.autoscaling.images_per_classifier=80",)),
    Alternative("busy share 0.6", ("serve.autoscaling.busy_share=0.6",)),
    Alternative("downscale after 300 s", (f"{CLASSIFIER}.downscale_delay_s=300",)),
    Alternative("upscale after 10 s", (f"{CLASSIFIER}.upscale_delay_s=10",)),
    Alternative("at least 8 Classifiers", (f"{CLASSIFIER}.min_replicas=8", "workers.minReplicas=4")),
    Alternative("at least 4 workers", ("workers.minReplicas=4",)),
    Alternative("workers idle for 30 min", ("workers.idleTimeoutSeconds=1800",)),
    Alternative("queue of 1024", ("serve.args.queue.max_waiting=1024",)),
    Alternative("workers with 4 CPUs", ("workers.resources.limits.cpu=4", "workers.maxReplicas=10")),
)


def fixed(name: str, images_per_s: float, experiment: Experiment) -> Alternative:
    """A cluster without autoscaling, sized for ``images_per_s`` at the policy's ``busy_share``."""
    plan, machine = experiment.plan(), experiment.machine
    per_classifier = 1e3 / (machine.image_ms + machine.call_ms * 2 / plan.max_in_flight)
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
    experiment: Experiment, alternatives: Sequence[Alternative], on_step: Callable[[], None] = lambda: None
) -> dict[str, Summary]:
    """Simulate the alternatives in parallel with the same arrivals. ``on_step`` is called after each."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_summary, experiment, each): each for each in alternatives}
        found = {}
        for future in as_completed(futures):
            found[futures[future].name] = future.result()
            on_step()
    return {each.name: found[each.name] for each in alternatives}


def _summary(experiment: Experiment, each: Alternative) -> Summary:
    return experiment.run(*each.settings).summary(experiment.machine.node_price)
