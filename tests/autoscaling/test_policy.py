"""The number of replicas follows the queues of the ingresses and the utilization of the replicas."""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.autoscaling.metrics import AutoscalingMetrics
from serve_app.autoscaling.policy import QUEUE_METRIC, ImageQueuePolicy
from serve_app.autoscaling.utilization import UTILIZATION_METRIC, Utilization

Report = Mapping[str, Mapping[str, float]]
COUNTS = st.floats(0, 1e6)


def context(name: str, report: Report | None = None, target: int = 1, most: int = 100) -> SimpleNamespace:
    """The attributes of Ray's AutoscalingContext that the policy reads."""
    return SimpleNamespace(
        deployment_name=name,
        aggregated_metrics=report,
        current_num_replicas=1,
        target_num_replicas=target,
        capacity_adjusted_min_replicas=1,
        capacity_adjusted_max_replicas=most,
    )


def decide(*contexts: SimpleNamespace) -> dict[str, int]:
    policy = ImageQueuePolicy(images_per_classifier=40, classifiers_per_preprocessor=3, busy_share=0.8)
    replicas, _ = policy(cast("Any", {each.deployment_name: each for each in contexts}))
    return replicas


def waiting(**images: float) -> Report:
    return {QUEUE_METRIC + name: {"a": count} for name, count in images.items()}


def replicas_for(images: float, *, busy: float = 0.0, target: int = 1, most: int = 100) -> dict[str, int]:
    return decide(
        context("Ingress", waiting(Classifier=images)),
        context("Preprocessor"),
        context("Classifier", {UTILIZATION_METRIC: {"a": busy}}, target, most),
    )


@pytest.mark.parametrize(
    ("images", "classifiers", "preprocessors"), [(0, 0, 0), (1, 1, 1), (40, 1, 1), (41, 2, 1), (160, 4, 2), (256, 7, 3)]
)
def test_replicas_follow_the_number_of_images(images: float, classifiers: int, preprocessors: int) -> None:
    assert replicas_for(images) == {"Classifier": classifiers, "Preprocessor": preprocessors, "Ingress": 0}


def test_images_of_all_ingresses_are_added_up() -> None:
    report = {QUEUE_METRIC + "Classifier": {"a": 30.0, "b": 30.0}}
    assert decide(context("Ingress", report), context("Classifier"))["Classifier"] == 2


def test_each_model_has_its_own_queue() -> None:
    images = {QUEUE_METRIC + "Classifier": {"a": 100.0}, QUEUE_METRIC + "Classifier-lite1": {"a": 30.0}}
    names = ("Preprocessor", "Classifier", "Classifier-lite1", "Classifier-lite2")
    assert decide(context("Ingress", images), *map(context, names)) == {
        "Classifier": 3,
        "Classifier-lite1": 1,
        "Preprocessor": 2,
        "Ingress": 0,
    }


@pytest.mark.parametrize("report", [None, {}, {"other": {"a": 1000.0}}])
def test_without_a_report_nothing_changes(report: Report | None) -> None:
    names = ("Preprocessor", "Classifier")
    assert decide(context("Ingress", report), *map(context, names)) == {}


@pytest.mark.parametrize(("busy", "replicas"), [(0.0, 0), (0.8, 1), (0.9, 2), (3.2, 4), (3.3, 5), (5.0, 7)])
def test_busy_classifiers_are_not_removed(busy: float, replicas: int) -> None:
    assert replicas_for(0, busy=busy, target=5)["Classifier"] == replicas


def test_busy_classifiers_get_support_before_the_queue_is_long() -> None:
    assert replicas_for(30, busy=1.0, target=1)["Classifier"] == 2


def test_preprocessors_follow_the_possible_number_of_classifiers() -> None:
    assert replicas_for(4000, most=6) == {"Classifier": 100, "Preprocessor": 2, "Ingress": 0}
    assert replicas_for(0, busy=6.4, target=8)["Preprocessor"] == 3


@pytest.mark.parametrize(("busy", "ingresses"), [((0.1,), 1), ((0.8,), 1), ((0.9,), 2), ((0.9, 0.9), 3)])
def test_ingresses_follow_their_own_utilization(busy: tuple[float, ...], ingresses: int) -> None:
    report = {UTILIZATION_METRIC: dict(zip("abc", busy, strict=False)), **waiting(Classifier=0.0)}
    assert decide(context("Ingress", report))["Ingress"] == ingresses


@given(COUNTS, COUNTS, st.floats(0, 50), st.integers(1, 50))
def test_more_images_never_mean_fewer_replicas(images: float, more: float, busy: float, target: int) -> None:
    fewer, greater = sorted((images, images + more))
    for name, replicas in replicas_for(fewer, busy=busy, target=target).items():
        assert replicas <= replicas_for(greater, busy=busy, target=target)[name]


@given(COUNTS, st.floats(0, 50), st.integers(1, 50))
def test_replicas_are_sufficient_and_minimal(images: float, busy: float, target: int) -> None:
    classifiers = replicas_for(images, busy=busy, target=target)["Classifier"]
    assert classifiers >= max(images / 40, busy / 0.8)
    assert classifiers - 1 < max(images / 40, busy / 0.8)


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=8))
def test_the_distribution_over_ingresses_does_not_matter(parts: list[float]) -> None:
    report = {QUEUE_METRIC + "Classifier": {str(number): part for number, part in enumerate(parts)}}
    assert decide(context("Ingress", report), context("Classifier")) == decide(
        context("Ingress", waiting(Classifier=sum(parts))), context("Classifier")
    )


class Gauge:
    """A fake of Ray's gauge that stores the values."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def set(self, value: float, tags: dict[str, str]) -> None:
        self.values[tags["deployment"]] = value


@pytest.mark.parametrize(
    ("images", "busy", "replicas", "bound"), [(0, 0.0, 0, -1), (1, 0.5, 1, 0), (160, 0.5, 4, 0), (161, 0.5, 5, 1)]
)
def test_the_metrics_explain_the_decision(
    monkeypatch: pytest.MonkeyPatch, images: int, busy: float, replicas: int, bound: int
) -> None:
    gauges: dict[str, Gauge] = {}
    monkeypatch.setattr(AutoscalingMetrics, "_gauge", lambda _self, name, _what: gauges.setdefault(name, Gauge()))
    replicas_for(images, busy=busy, target=0, most=4)
    assert {name: gauge.values["Classifier"] for name, gauge in gauges.items()} == {
        "images": images,
        "utilization": busy,
        "desired_replicas": replicas,
        "target_replicas": 0,
        "running_replicas": 1,
        "min_replicas": 1,
        "max_replicas": 4,
        "bound": bound,
    }


def test_a_failure_of_the_metrics_does_not_stop_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no metrics here")

    monkeypatch.setattr(AutoscalingMetrics, "observe", fail)
    assert replicas_for(41)["Classifier"] == 2


def clock(*times: float) -> Iterator[float]:
    return iter(times)


def test_utilization_is_measured_since_the_last_reading() -> None:
    now, work = clock(0.0, 1.0, 3.0, 3.0), clock(0.0, 0.5, 0.5, 0.5)
    utilization = Utilization(lambda: next(work), clock=lambda: next(now))
    assert [utilization.read(), utilization.read(), utilization.read()] == [0.5, 0.0, 0.0]


def test_utilization_is_relative_to_the_capacity() -> None:
    now, work = clock(0.0, 1.0, 2.0), clock(0.0, 1.0, 9.0)
    utilization = Utilization(lambda: next(work), capacity=2, clock=lambda: next(now))
    assert [utilization.read(), utilization.read()] == [0.5, 1.0]
