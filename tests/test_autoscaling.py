"""Replicas follow the images that wait at the ingresses."""

from typing import Any, cast

import pytest

from serve_app.autoscaling import QUEUE_METRIC, ImageQueuePolicy


class Context:
    """As much of Ray's AutoscalingContext as the policy reads."""

    def __init__(self, deployment_name: str, metrics: dict[str, dict[str, float]] | None = None) -> None:
        self.deployment_name = deployment_name
        self.aggregated_metrics = metrics


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
