"""How many replicas: enough for the images that wait, and enough for the work.

Delays and bounds are Ray's, from the deployments. docs/scaling.md explains the whole chain.
"""

import math
from collections.abc import Mapping
from typing import Any

import structlog
from ray.serve.config import AutoscalingContext

from serve_app.autoscaling.metrics import AutoscalingMetrics
from serve_app.autoscaling.utilization import UTILIZATION_METRIC

log = structlog.get_logger(__name__)

QUEUE_METRIC = "images:"
"""Prefix of the ingress's figures: images waiting or in work, by the name of their Classifier deployment."""

Contexts = Mapping[Any, AutoscalingContext]
"""Of every deployment with an ``autoscaling_config``."""


class ImageQueuePolicy:
    """Ray calls it in Serve's controller, ten times a second.

    One call on the wire carries many images, so Ray's own count of requests says little about the load. The queue tells
    at once how many Classifiers a burst wants. But it is short where there are just enough of them, and would take them
    away and bring them back for ever; so it asks for those that come, and how busy they are for those that stay.
    """

    def __init__(
        self,
        images_per_classifier: float,
        classifiers_per_preprocessor: float,
        busy_share: float,
        metrics: AutoscalingMetrics | None = None,
    ) -> None:
        """``busy_share``: how busy a replica may be, 0 to 1; above it there are more."""
        self.images_per_classifier = images_per_classifier
        self.classifiers_per_preprocessor = classifiers_per_preprocessor
        self.busy_share = busy_share
        self._metrics = metrics or AutoscalingMetrics()

    def __call__(self, contexts: Contexts) -> tuple[dict[Any, int], dict[Any, dict[str, Any]]]:
        """Replicas by deployment; one of which nothing is known has no entry and stays as it is."""
        images = _images(contexts)
        classifiers = {
            key: self._classifiers(context, images[context.deployment_name])
            for key, context in contexts.items()
            if context.deployment_name in images
        }
        coming = sum(
            min(replicas, contexts[key].capacity_adjusted_max_replicas) for key, replicas in classifiers.items()
        )
        wanted = dict(classifiers)
        for key, context in contexts.items():
            if context.deployment_name == "Preprocessor" and classifiers:
                wanted[key] = math.ceil(coming / self.classifiers_per_preprocessor)
            elif context.deployment_name == "Ingress" and images:
                # By its own work: where it is the narrowest part images wait for it outside, and no queue grows.
                wanted[key] = self._for_the_work(context)
        self._publish(contexts, images, wanted)
        return wanted, {}

    def _classifiers(self, context: AutoscalingContext, images: float) -> int:
        return max(math.ceil(images / self.images_per_classifier), self._for_the_work(context))

    def _for_the_work(self, context: AutoscalingContext) -> int:
        return math.ceil(_busy(context) / self.busy_share)

    def _publish(self, contexts: Contexts, images: Mapping[str, float], wanted: Mapping[Any, int]) -> None:
        try:
            self._metrics.observe_images(images)
            for key, replicas in wanted.items():
                self._metrics.observe(contexts[key], replicas, _busy(contexts[key]))
        except Exception:  # what nobody may see must not keep the replicas from following the load
            log.debug("autoscaling_metrics_failed", exc_info=True)


def _images(contexts: Contexts) -> dict[str, float]:
    """Images by Classifier deployment, summed over the ingress replicas; empty where none has told."""
    reports = [context.aggregated_metrics or {} for context in contexts.values()]
    return {
        name.removeprefix(QUEUE_METRIC): sum(by_replica.values())
        for by_name in reports
        for name, by_replica in by_name.items()
        if name.startswith(QUEUE_METRIC)
    }


def _busy(context: AutoscalingContext) -> float:
    """Replicas' worth of work of the deployment."""
    by_replica: Mapping[Any, float] = (context.aggregated_metrics or {}).get(UTILIZATION_METRIC, {})
    return sum(by_replica.values())
