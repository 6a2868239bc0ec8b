"""Replicas follow the images that wait at the ingresses."""

import math
from typing import Any, cast

import pytest

from serve_app.autoscaling import QUEUE_METRIC, ImageQueuePolicy
from serve_app.metrics import AutoscalingMetrics


class Context:
    """As much of Ray's AutoscalingContext as the policy reads."""

    def __init__(self, deployment_name: str, metrics: dict[str, dict[str, float]] | None = None) -> None:
        self.deployment_name = deployment_name
        self.aggregated_metrics = metrics
        self.current_num_replicas = 1
        self.target_num_replicas = 2
        self.capacity_adjusted_min_replicas = 1
        self.capacity_adjusted_max_replicas = 4


def wanted(ingresses: dict[str, dict[str, float]] | None, *further: str) -> dict[str, int]:
    names = ("Ingress", "Preprocessor", "Classifier", *further)
    contexts = {name: Context(name, ingresses if name == "Ingress" else None) for name in names}
    replicas, _ = ImageQueuePolicy(images_per_classifier=40, images_per_preprocessor=120)(cast("Any", contexts))
    return replicas


@pytest.mark.parametrize(
    ("images", "classifiers", "preprocessors"), [(0, 0, 0), (1, 1, 1), (40, 1, 1), (41, 2, 1), (160, 4, 2), (256, 7, 3)]
)
def test_by_images(images: float, classifiers: int, preprocessors: int) -> None:
    assert wanted({QUEUE_METRIC + "Classifier": {"a": images}}) == {
        "Classifier": classifiers,
        "Preprocessor": preprocessors,
    }


def test_ingresses_are_summed() -> None:
    assert wanted({QUEUE_METRIC + "Classifier": {"a": 30.0, "b": 30.0}})["Classifier"] == 2


def test_each_model_by_its_own_queue() -> None:
    images = {QUEUE_METRIC + "Classifier": {"a": 100.0}, QUEUE_METRIC + "Classifier-lite1": {"a": 30.0}}
    assert wanted(images, "Classifier-lite1", "Classifier-lite2") == {
        "Classifier": 3,
        "Classifier-lite1": 1,
        "Classifier-lite2": 0,
        "Preprocessor": 2,
    }


@pytest.mark.parametrize("metrics", [None, {}, {"other": {"a": 1000.0}}])
def test_nothing_known(metrics: dict[str, dict[str, float]] | None) -> None:
    assert wanted(metrics) == {"Classifier": 0, "Preprocessor": 0}


class Gauge:
    """In place of Ray's: keeps what it was set to."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def set(self, value: float, tags: dict[str, str]) -> None:
        self.values[tags["deployment"]] = value


@pytest.mark.parametrize(("images", "bound"), [(0, -1), (1, 0), (160, 0), (161, 1)])
def test_the_metrics_say_why(monkeypatch: pytest.MonkeyPatch, images: int, bound: int) -> None:
    gauges: dict[str, Gauge] = {}
    monkeypatch.setattr(AutoscalingMetrics, "_gauge", lambda _self, name, _what: gauges.setdefault(name, Gauge()))
    wanted({QUEUE_METRIC + "Classifier": {"a": float(images)}})
    assert {name: gauge.values["Classifier"] for name, gauge in gauges.items()} == {
        "images": images,
        "wanted_replicas": math.ceil(images / 40),
        "target_replicas": 2,
        "running_replicas": 1,
        "min_replicas": 1,
        "max_replicas": 4,
        "bound": bound,
    }


def test_broken_metrics_do_not_stop_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no metrics here")

    monkeypatch.setattr(AutoscalingMetrics, "observe", fail)
    assert wanted({QUEUE_METRIC + "Classifier": {"a": 41.0}})["Classifier"] == 2
