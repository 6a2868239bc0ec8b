"""Serve's controller: the real scaling policy, and Ray's own delays and bounds."""

from collections.abc import Mapping
from typing import Any, cast

from ray.serve._private.common import DeploymentID
from ray.serve.autoscaling_policy import _apply_delay_logic, _apply_scaling_factors
from ray.serve.config import AutoscalingContext

from benchmarks.simulation.plan import Deployment, Plan
from serve_app.autoscaling.metrics import AutoscalingMetrics
from serve_app.autoscaling.policy import QUEUE_METRIC, ImageQueuePolicy
from serve_app.autoscaling.utilization import UTILIZATION_METRIC
from serve_app.config import APPLICATION


class Controller:
    """Computes the target number of replicas of each deployment. Ray does so ten times per second."""

    def __init__(self, plan: Plan) -> None:
        self.targets = {name: each.scaling.min_replicas for name, each in plan.deployments.items()}
        self.desired: dict[str, int] = dict(self.targets)
        """The last result of the policy."""
        self._deployments = {name: each for name, each in plan.deployments.items() if each.scales}
        self._ids = {name: DeploymentID(name, APPLICATION) for name in plan.deployments}
        self._states: dict[str, dict[str, Any]] = {name: {} for name in plan.deployments}
        self._policy = ImageQueuePolicy(**plan.policy, metrics=_NoopMetrics())

    def decide(self, now: float, images: float, busy: Mapping[str, float], running: Mapping[str, int]) -> None:
        """``images`` and ``busy`` (total utilization by deployment) are averages over the look-back period."""
        reports = {name: {UTILIZATION_METRIC: {"all": share}} for name, share in busy.items()}
        reports.setdefault("Ingress", {})[QUEUE_METRIC + "Classifier"] = {"all": images}
        contexts = {
            self._ids[name]: self._context(name, deployment, reports.get(name, {}), running[name], now)
            for name, deployment in self._deployments.items()
        }
        for key, desired in self._policy(contexts)[0].items():
            self.desired[key.name] = desired
            self.targets[key.name] = self._decided(contexts[key], desired, now)

    def _decided(self, context: AutoscalingContext, desired: int, now: float) -> int:
        """Equivalent to Ray's ``_apply_app_level_autoscaling_config`` and ``apply_bounds``, with an explicit clock."""
        name, scaling = context.deployment_name, self._deployments[context.deployment_name].scaling
        scaled = _apply_scaling_factors(desired, context.current_num_replicas, scaling)
        decided, self._states[name] = _apply_delay_logic(
            max(0, scaled), context.target_num_replicas, scaling, self._states[name], now
        )
        return int(max(scaling.min_replicas, min(scaling.max_replicas, decided)))

    def _context(
        self, name: str, deployment: Deployment, report: dict[str, dict[str, float]], running: int, now: float
    ) -> AutoscalingContext:
        return AutoscalingContext(
            deployment_id=self._ids[name],
            deployment_name=name,
            app_name=APPLICATION,
            current_num_replicas=running,
            target_num_replicas=self.targets[name],
            running_replicas=[],
            total_num_requests=0.0,
            total_queued_requests=0.0,
            aggregated_metrics=cast("Any", report),  # the policy only sums over replicas
            raw_metrics=None,
            capacity_adjusted_min_replicas=deployment.scaling.min_replicas,
            capacity_adjusted_max_replicas=deployment.scaling.max_replicas,
            policy_state=self._states[name],
            last_scale_up_time=None,
            last_scale_down_time=None,
            current_time=now,
            config=deployment.scaling,
        )


class _NoopMetrics(AutoscalingMetrics):
    """Discards metrics, because Ray is not running."""

    def __init__(self) -> None:
        pass

    def observe_images(self, images: Mapping[str, float]) -> None:
        pass

    def observe(self, context: AutoscalingContext, desired: int, utilization: float) -> None:
        pass
