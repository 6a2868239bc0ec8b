"""How many replicas: by the images that wait at the ingresses. Delays and bounds are Ray's, from the deployments."""

import math
from collections.abc import Mapping
from typing import Any

import structlog
from ray.serve.config import AutoscalingContext

from serve_app.metrics import AutoscalingMetrics

log = structlog.get_logger(__name__)

QUEUE_METRIC = "images:"
"""Prefix of the ingress's figures: images waiting or in work, by the name of their Classifier deployment."""


class ImageQueuePolicy:
    """Wanted replicas = images waiting or in work ÷ what one replica may have. Ray calls it in its controller.

    One call on the wire carries many images, so Ray's own count of requests says little about the load.
    """

    def __init__(
        self, images_per_classifier: float, images_per_preprocessor: float, metrics: AutoscalingMetrics | None = None
    ) -> None:
        self.images_per_classifier = images_per_classifier
        self.images_per_preprocessor = images_per_preprocessor
        self._metrics = metrics or AutoscalingMetrics()

    def __call__(self, contexts: Mapping[Any, AutoscalingContext]) -> tuple[dict[Any, int], dict[Any, dict[str, Any]]]:
        """Replicas by deployment; ``contexts`` holds every deployment with an ``autoscaling_config``."""
        images = self._images(contexts)
        wanted = {
            key: self._replicas(context.deployment_name, images)
            for key, context in contexts.items()
            if context.deployment_name.startswith(("Preprocessor", "Classifier"))
        }
        try:
            self._metrics.observe(images, [(contexts[key], replicas) for key, replicas in wanted.items()])
        except Exception:  # what nobody may see must not keep the replicas from following the load
            log.debug("autoscaling_metrics_failed", exc_info=True)
        return wanted, {}

    def _images(self, contexts: Mapping[Any, AutoscalingContext]) -> dict[str, float]:
        """Images by Classifier deployment, summed over the ingress replicas."""
        metrics = [context.aggregated_metrics or {} for context in contexts.values()]
        return {
            name.removeprefix(QUEUE_METRIC): sum(by_replica.values())
            for by_name in metrics
            for name, by_replica in by_name.items()
            if name.startswith(QUEUE_METRIC)
        }

    def _replicas(self, deployment: str, images: Mapping[str, float]) -> int:
        if deployment == "Preprocessor":
            return math.ceil(sum(images.values()) / self.images_per_preprocessor)
        return math.ceil(images.get(deployment, 0.0) / self.images_per_classifier)
