"""Sizing of a cluster from known costs."""

from dataclasses import replace

import pytest

from benchmarks.growth.sizing import Assumed, Measured, Stage, capacity_of, size

STAGES = (
    Stage("Ingress", alone_ms=4.0, together_ms=1.0),
    Stage("Preprocessor", 4.0, 4.0),
    Stage("Classifier", 8.0, 8.0),
    Stage("Results", 2.0, 0.5),
)
MEASURED = Measured(STAGES, 16.0, 15.0, {1: 1.0, 16: 4.0}, 700.0, 100_000.0)
ASSUMED = Assumed()


def test_the_fixed_cost_of_a_call_is_shared_by_its_images():
    stage = STAGES[0]
    assert stage.cost_ms(1, 16) == stage.alone_ms
    assert stage.cost_ms(16, 16) == stage.cost_ms(99, 16) == stage.together_ms
    # a ms per image and b ms per call: a + b = 4, a + b / 16 = 1, so b = 3.2 and a = 0.8.
    assert stage.cost_ms(4, 16) == pytest.approx(0.8 + 3.2 / 4)


def test_the_cost_without_batching():
    assert Stage("Ingress", 3.0, 2.0).cost_ms(1, 1) == 2.0


def test_replicas_have_the_maximum_utilization():
    sizing = size(10_000, MEASURED, ASSUMED)
    for need in sizing.needs:
        assert need.cores == pytest.approx(10_000 * need.cpu_ms / 1e3)
        assert 0.8 * (need.replicas - 1) < need.cores <= 0.8 * need.replicas
    assert sizing.need("Classifier").replicas == 100
    replicas = sum(need.replicas for need in sizing.needs)
    assert (sizing.nodes - 1) * 7.5 < replicas <= sizing.nodes * 7.5


def test_idle_classifiers_receive_single_images():
    sizing = size(10_000, MEASURED, ASSUMED)
    assert sizing.batch == 1.0
    assert sizing.need("Ingress").cpu_ms == 4.0
    assert sizing.transactions == 10_000


def test_images_are_batched_if_all_calls_are_in_flight():
    slow = replace(MEASURED, latency_ms=4000.0)
    sizing = size(1_000, slow, replace(ASSUMED, calls_a_classifier=1))
    # 4,000 images in flight, and a call for each of 10 Classifiers.
    assert [sizing.need(name).replicas for name in ("Ingress", "Classifier")] == [2, 10]
    assert sizing.batch == 16.0
    assert sizing.need("Ingress").cpu_ms == 1.0
    assert sizing.transactions == 1_000 / 16


def test_full_batches_are_cheaper():
    would, full = size(10_000, MEASURED, ASSUMED), size(10_000, MEASURED, ASSUMED, MEASURED.full_batch)
    assert full.nodes < would.nodes
    assert full.transactions == 10_000 / 16
    assert full.need("Results").cpu_ms == 0.5


def test_the_database():
    sizing = size(1_000, MEASURED, ASSUMED)
    assert sizing.rows_written == 9_000
    assert sizing.writers == pytest.approx(1_000 * 1e-3)
    assert sizing.row_locked == pytest.approx(0.05 * 1_000 * 1e-3)
    assert sizing.disk_bytes == pytest.approx(1_000 * 86_400 * 700)


def test_the_network():
    sizing = size(10_000, MEASURED, ASSUMED)
    assert sizing.photo_bytes == 1e9
    assert sizing.tensor_bytes == pytest.approx(1.505e9, rel=1e-3)
    assert sizing.node_bits * sizing.nodes == pytest.approx(8 * (1e9 + 1.505e9 + 4e7), rel=1e-3)


def test_bottlenecks():
    assert capacity_of(1.0, MEASURED, ASSUMED, lambda sizing: sizing.writers) == pytest.approx(1_000, rel=2e-3)
    assert capacity_of(1.0, MEASURED, ASSUMED, lambda sizing: sizing.row_locked) == pytest.approx(20_000, rel=2e-3)


def test_assumptions_follow_the_configuration():
    shipped = Assumed.shipped()
    assert 0.5 <= shipped.busy_share <= 1.0
    assert shipped.calls_a_classifier >= 1
