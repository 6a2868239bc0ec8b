"""The autoscaling policy: enough replicas for the queued images and for the utilization.

Ray applies delays and bounds. docs/scaling.md explains the whole chain.
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
"""Prefix of the ingress metrics: images waiting or in progress, by the name of their Classifier deployment."""

Contexts = Mapping[Any, AutoscalingContext]
"""One per deployment with an ``autoscaling_config``, by deployment id."""


class ImageQueuePolicy:
    """Called by Ray in Serve's controller, ten times per second.

    One call carries many images, so Ray's request counts say little about the load. The queue shows immediately how
    many Classifiers a burst needs. However, it is short if there are just enough of them, and alone would repeatedly
    remove and add replicas. Therefore utilization determines how many replicas remain.
    """

    def __init__(
        self,
        images_per_classifier: float,
        classifiers_per_preprocessor: float,
        busy_share: float,
        metrics: AutoscalingMetrics | None = None,
    ) -> None:
        """``busy_share``: the utilization, 0 to 1, above which replicas are added."""
        self.images_per_classifier = images_per_classifier
        self.classifiers_per_preprocessor = classifiers_per_preprocessor
        self.busy_share = busy_share
        self._metrics = metrics or AutoscalingMetrics()

    def __call__(self, contexts: Contexts) -> tuple[dict[Any, int], dict[Any, dict[str, Any]]]:
        """The desired replicas by deployment. A deployment without reports has no entry and keeps its replicas."""
        images = _images(contexts)
        classifiers = {
            key: self._classifiers(context, images[context.deployment_name])
            for key, context in contexts.items()
            if context.deployment_name in images
        }
        capped_classifiers = sum(
            min(replicas, contexts[key].capacity_adjusted_max_replicas) for key, replicas in classifiers.items()
        )
        desired = dict(classifiers)
        for key, context in contexts.items():
            if context.deployment_name == "Preprocessor" and classifiers:
                desired[key] = math.ceil(capped_classifiers / self.classifiers_per_preprocessor)
            elif context.deployment_name == "Ingress" and images:
                # By utilization alone: if the ingress is the bottleneck, images wait outside of it and no queue grows.
                desired[key] = self._for_utilization(context)
        self._publish(contexts, images, desired)
        return desired, {}

    def _classifiers(self, context: AutoscalingContext, images: float) -> int:
        return max(math.ceil(images / self.images_per_classifier), self._for_utilization(context))

    def _for_utilization(self, context: AutoscalingContext) -> int:
        return math.ceil(_total_utilization(context) / self.busy_share)

    def _publish(self, contexts: Contexts, images: Mapping[str, float], desired: Mapping[Any, int]) -> None:
        try:
            self._metrics.observe_images(images)
            for key, replicas in desired.items():
                self._metrics.observe(contexts[key], replicas, _total_utilization(contexts[key]))
        except Exception:  # missing metrics must not prevent scaling
            log.debug("autoscaling_metrics_failed", exc_info=True)


def _images(contexts: Contexts) -> dict[str, float]:
    """Images by Classifier deployment, summed over the ingress replicas; empty if none has reported."""
    reports = [context.aggregated_metrics or {} for context in contexts.values()]
    return {
        name.removeprefix(QUEUE_METRIC): sum(by_replica.values())
        for by_name in reports
        for name, by_replica in by_name.items()
        if name.startswith(QUEUE_METRIC)
    }


def _total_utilization(context: AutoscalingContext) -> float:
    """The total utilization of the replicas of a deployment."""
    by_replica: Mapping[Any, float] = (context.aggregated_metrics or {}).get(UTILIZATION_METRIC, {})
    return sum(by_replica.values())
