"""The simulated controller, compared with Ray's own functions."""

from types import SimpleNamespace
from typing import Any

import pytest
import ray.serve.autoscaling_policy as rays
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.serve._private.common import DeploymentID

from benchmarks.simulation.controller import Controller
from benchmarks.simulation.plan import read
from serve_app.config import APPLICATION

SECONDS = st.lists(st.tuples(st.floats(0, 2000), st.floats(0, 24), st.integers(1, 24)), min_size=1, max_size=150)


class Ray:
    """Ray's rules as applied by its controller: delays, then bounds."""

    def __init__(self, controller: Controller) -> None:
        self.targets = dict(controller.targets)
        self._states: dict[Any, Any] = {}
        self._deployments = controller._deployments
        self._asked: dict[Any, int] = {}
        self._rule = rays._apply_app_level_autoscaling_config(lambda _: (self._asked, {}))

    def decide(self, desired: dict[str, int], running: int, now: float) -> None:
        contexts: Any = {}
        for name, deployment in self._deployments.items():
            key = DeploymentID(name, APPLICATION)
            contexts[key] = SimpleNamespace(
                current_num_replicas=running,
                target_num_replicas=self.targets[name],
                total_num_requests=0.0,
                policy_state=self._states.get(key, {}),
                config=deployment.scaling,
            )
        self._asked = {DeploymentID(name, APPLICATION): desired[name] for name in self._deployments}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rays, "time", SimpleNamespace(time=lambda: now))
            decided, self._states = self._rule(contexts)
        for key, replicas in decided.items():
            scaling = self._deployments[key.name].scaling
            self.targets[key.name] = max(scaling.min_replicas, min(scaling.max_replicas, replicas))


@settings(max_examples=25, deadline=None)
@given(SECONDS)
def test_decisions_equal_those_of_ray(seconds: list[tuple[float, float, int]]) -> None:
    controller = Controller(read())
    ray = Ray(controller)
    for now, (images, busy, running) in enumerate(seconds):
        controller.decide(
            now, images, {"Classifier": busy, "Ingress": busy / 8}, dict.fromkeys(controller.targets, running)
        )
        ray.decide(controller.desired, running, now)
        assert controller.targets == ray.targets


@settings(max_examples=15, deadline=None)
@given(SECONDS)
def test_targets_stay_within_the_bounds(seconds: list[tuple[float, float, int]]) -> None:
    plan = read()
    controller = Controller(plan)
    for now, (images, busy, running) in enumerate(seconds):
        controller.decide(
            now, images, {"Classifier": busy, "Ingress": busy}, dict.fromkeys(controller.targets, running)
        )
        for name, target in controller.targets.items():
            scaling = plan.deployments[name].scaling
            assert scaling.min_replicas <= target <= scaling.max_replicas


def test_delays() -> None:
    controller = Controller(read())
    running = dict.fromkeys(controller.targets, 2)

    def target(now: float, images: float) -> int:
        controller.decide(now, images, {"Classifier": 0.0, "Ingress": 0.0}, running)
        return int(controller.targets["Classifier"])

    assert [target(now, 400) for now in range(3)] == [2, 2, 10]
    running["Classifier"] = 10
    assert {target(now, 0) for now in range(3, 63)} == {10}
    assert target(63, 0) == 2
