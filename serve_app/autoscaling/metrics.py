"""Autoscaling metrics for Prometheus, set by the policy in Serve's controller."""

from collections.abc import Mapping

from ray.serve import metrics
from ray.serve.config import AutoscalingContext


class AutoscalingMetrics:
    """Gauges by deployment for each step from queued images to running replicas.

    Desired and target differ while a bound or a delay applies; target and running differ while replicas start or wait
    for a node.
    """

    def __init__(self) -> None:
        self._images = self._gauge(
            "images", "Images waiting or running at all ingress replicas, averaged, as seen by the policy"
        )
        self._utilization = self._gauge("utilization", "Sum of the utilization of all replicas, each 0 to 1")
        self._desired = self._gauge("desired_replicas", "Replicas requested by the policy, before bounds and delays")
        self._target = self._gauge("target_replicas", "Replicas targeted by Serve, after bounds and delays")
        self._running = self._gauge("running_replicas", "Running replicas")
        self._min = self._gauge("min_replicas", "Minimum number of replicas")
        self._max = self._gauge("max_replicas", "Maximum number of replicas")
        self._bound = self._gauge("bound", "1: more replicas are desired than allowed, -1: fewer, 0: within the bounds")

    @staticmethod
    def _gauge(name: str, description: str) -> metrics.Gauge:
        return metrics.Gauge(f"raylens_autoscaling_{name}", description=f"{description}.", tag_keys=("deployment",))

    def observe_images(self, images: Mapping[str, float]) -> None:
        """Set the number of images by Classifier deployment."""
        for deployment, count in images.items():
            self._images.set(count, tags={"deployment": deployment})

    def observe(self, context: AutoscalingContext, desired: int, utilization: float) -> None:
        """Set the gauges of one deployment; ``utilization`` is the sum over its replicas."""
        lowest, highest = context.capacity_adjusted_min_replicas, context.capacity_adjusted_max_replicas
        tags = {"deployment": context.deployment_name}
        self._utilization.set(utilization, tags=tags)
        self._desired.set(desired, tags=tags)
        self._target.set(context.target_num_replicas, tags=tags)
        self._running.set(context.current_num_replicas, tags=tags)
        self._min.set(lowest, tags=tags)
        self._max.set(highest, tags=tags)
        self._bound.set((desired > highest) - (desired < lowest), tags=tags)
