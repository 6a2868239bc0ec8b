"""Quantized graphs against fp32, on small graphs with random weights."""

from typing import Any

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from models.arrays import Float32Array
from models.runtimes.openvino_int8 import _coded, _neighbours, measure, quantizable_layers, quantize_graph

RANDOM = np.random.default_rng(1)


def weights(*shape: int) -> Float32Array:
    return RANDOM.standard_normal(shape, np.float32) * np.float32(0.2)


def graph(transposed: bool = True) -> openvino.Model:
    """Six convolutions of 8 channels, one of them depthwise, then a matrix."""
    image = ops.parameter([-1, 8, 8, 3], np.uint8, name="image")
    node: Any = ops.transpose(ops.convert(image, "f32"), np.array([0, 3, 1, 2]))
    node = ops.multiply(node, np.float32(1 / 255))
    for index in range(6):
        kernel = weights(8, 3 if index == 0 else 8, 3, 3)
        node = ops.convolution(node, kernel, [1, 1], [1, 1], [1, 1], [1, 1])
        node = ops.relu(node)
        if index == 3:
            node = ops.group_convolution(node, weights(8, 1, 1, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    node = ops.reduce_mean(node, np.array([2, 3]))
    node = ops.matmul(node, weights(5, 8) if transposed else weights(8, 5), False, transposed)
    return openvino.Model([node.output(0)], [image], "small")


def run(model: openvino.Model, pixels: Any) -> Float32Array:
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    outputs: Float32Array = compiled(pixels)[0].copy()
    return outputs


@pytest.mark.parametrize("transposed", [True, False])
def test_an_int8_graph_computes_nearly_the_same(transposed: bool) -> None:
    model, pixels = graph(transposed), RANDOM.integers(0, 256, (16, 8, 8, 3), np.uint8)
    expected = run(model, pixels)
    statistics = measure(model, pixels)
    assert [len(layer.mean) for layer in statistics.layers] == [8] * 4
    assert all(layer.low <= layer.mean.min() <= layer.mean.max() <= layer.high for layer in statistics.layers)
    quantize_graph(model, statistics)
    assert sum(op.get_type_name() == "FakeQuantize" for op in model.get_ops()) == 4
    difference = run(model, pixels) - expected
    assert np.abs(difference).max() < 0.1 * np.ptp(expected)
    assert abs(difference.mean()) < 0.01 * np.ptp(expected), "the mean error is corrected"


def test_early_and_depthwise_layers_stay_in_fp32() -> None:
    types = [layer.get_type_name() for layer in quantizable_layers(graph())]
    assert types == ["Convolution"] * 3 + ["MatMul"]


@pytest.mark.parametrize("shape", [(3, 1, 1), (4, 7, 9), (64, 96, 1)])
def test_codes_never_overflow_16_bits_and_are_rounded_to_the_nearest(shape: tuple[int, int, int]) -> None:
    rows = weights(*shape)
    rows[0] = 0
    rows[1] = 1  # the worst case: equal neighbours
    codes, steps = _coded(rows)
    assert _neighbours(codes.astype(np.float32)).max() <= 128
    assert np.abs(codes.astype(np.int32)).max() <= 127
    assert np.abs(rows - codes * steps[:, None, None]).max() <= 0.51 * steps.max()
