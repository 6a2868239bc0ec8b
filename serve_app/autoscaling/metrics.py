"""Why there are so many replicas, for Prometheus; set by the policy in Serve's controller."""

from collections.abc import Mapping

from ray.serve import metrics
from ray.serve.config import AutoscalingContext


class AutoscalingMetrics:
    """Each step from the queue to the replicas is a series, so the first two that differ name what holds replicas back.

    Between wanted and target stand bounds and delays, between target and running a start, or the want of a node.
    """

    def __init__(self) -> None:
        self._images = self._gauge(
            "images", "Images waiting or in work at all ingresses, averaged as the policy sees them"
        )
        self._busy = self._gauge("busy", "Replicas' worth of work: the sum of how busy each is, 0 to 1")
        self._wanted = self._gauge("wanted_replicas", "Replicas the policy asks for, before bounds and delays")
        self._target = self._gauge("target_replicas", "Replicas Serve has decided on, after bounds and delays")
        self._running = self._gauge("running_replicas", "Replicas that run")
        self._min = self._gauge("min_replicas", "Lower bound of the replicas")
        self._max = self._gauge("max_replicas", "Upper bound of the replicas")
        self._bound = self._gauge("bound", "1: more replicas are wanted than allowed, -1: fewer, 0: neither")

    @staticmethod
    def _gauge(name: str, what: str) -> metrics.Gauge:
        return metrics.Gauge(f"raylens_autoscaling_{name}", description=f"{what}.", tag_keys=("deployment",))

    def observe_images(self, images: Mapping[str, float]) -> None:
        """By Classifier deployment."""
        for deployment, count in images.items():
            self._images.set(count, tags={"deployment": deployment})

    def observe(self, context: AutoscalingContext, wanted: int, busy: float) -> None:
        """One deployment: the replicas the policy asks for, and how busy those that run are, summed."""
        lowest, highest = context.capacity_adjusted_min_replicas, context.capacity_adjusted_max_replicas
        tags = {"deployment": context.deployment_name}
        self._busy.set(busy, tags=tags)
        self._wanted.set(wanted, tags=tags)
        self._target.set(context.target_num_replicas, tags=tags)
        self._running.set(context.current_num_replicas, tags=tags)
        self._min.set(lowest, tags=tags)
        self._max.set(highest, tags=tags)
        self._bound.set((wanted > highest) - (wanted < lowest), tags=tags)
