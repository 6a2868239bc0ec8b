"""Turns an fp32 graph of OpenVINO into an int8 one, given the statistics of the layers' inputs."""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import openvino
from openvino import opset13 as ops

from models.activation_statistics import ActivationStatistics, LayerStatistics, pixels_sha256
from models.arrays import Float32Array, UInt8Array
from models.errors import StatisticsMismatch

_LEVELS: Final = 255
_FP32_SHARE: Final = 1 / 3
_PAIR: Final = 128
"""Largest sum of two neighbouring weights of the same sign. Processors without VNNI add the products of two neighbours
in 16 bits: 255 × 128 fits, so they compute the same as others."""
_SMALLEST: Final = 1e-6

Node = Any  # OpenVINO has no types


def quantizable_layers(model: openvino.Model) -> list[Node]:
    """Convolutions and products with constant matrices, in the order of execution, without the first third.

    Those stay in fp32, as do depthwise convolutions and the sums of branches: quantizing them costs most of the
    accuracy, because later layers amplify their errors, and gains little.
    """
    layers = [op for op in model.get_ordered_ops() if _is_quantizable(op)]
    return layers[math.ceil(len(layers) * _FP32_SHARE) :]


def measure(model: openvino.Model, pixels: UInt8Array) -> ActivationStatistics:
    """Run the fp32 model on photos, uint8 (N, H, W, C), and measure what its quantizable layers take."""
    layers = quantizable_layers(model)
    outputs = [reduction for layer in layers for reduction in _reductions(layer)]
    compiled = openvino.Core().compile_model(
        openvino.Model(outputs, model.get_parameters(), "statistics"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    request = compiled.create_infer_request()
    rows: list[list[Float32Array]] = []
    for photo in range(len(pixels)):
        request.infer([pixels[photo : photo + 1]])
        rows.append([request.get_output_tensor(index).data[0].copy() for index in range(len(outputs))])
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    found = [
        LayerStatistics(min(0.0, float(low.min())), max(0.0, float(high.max())), mean.mean(axis=0))
        for low, high, mean in zip(columns[::3], columns[1::3], columns[2::3], strict=True)
    ]
    return ActivationStatistics(tuple(found), len(pixels), pixels_sha256(pixels))


def quantize_graph(model: openvino.Model, statistics: ActivationStatistics) -> None:
    """Quantize the layers in place. Raises StatisticsMismatch if the statistics belong to another graph."""
    layers = quantizable_layers(model)
    if [_channels(layer) for layer in layers] != [len(layer.mean) for layer in statistics.layers]:
        raise StatisticsMismatch("The int8 statistics belong to a model with other layers.")
    for layer, measured in zip(layers, statistics.layers, strict=True):
        _quantize(layer, measured)
    model.validate_nodes_and_infer_types()


def _is_quantizable(layer: Node) -> bool:
    if layer.get_type_name() not in {"Convolution", "MatMul"}:
        return False
    weights, rank = layer.input(1).get_source_output(), layer.input(0).get_partial_shape().rank.get_length()
    if weights.get_node().get_type_name() != "Constant":
        return False
    if layer.get_type_name() == "Convolution":
        return bool(rank == 4)
    return bool(rank >= 2 and len(weights.get_shape()) == 2 and not layer.get_attributes()["transpose_a"])


def _is_convolution(layer: Node) -> bool:
    return bool(layer.get_type_name() == "Convolution")


def _channels(layer: Node) -> int:
    return int(_rows(layer).shape[1])


def _reductions(layer: Node) -> list[Any]:
    """The least, the greatest and the mean value of each channel of the layer's input, each (N, C)."""
    source = layer.input(0).get_source_output()
    rank = source.get_partial_shape().rank.get_length()
    if rank == 2:
        return [source] * 3
    axes = np.array([2, 3] if _is_convolution(layer) else range(1, rank - 1), np.int64)
    return [reduce(source, axes).output(0) for reduce in (ops.reduce_min, ops.reduce_max, ops.reduce_mean)]


def _quantize(layer: Node, measured: LayerStatistics) -> None:
    rows = _rows(layer)
    codes, steps = _coded(rows)
    lost = rows - codes * steps[:, np.newaxis, np.newaxis]
    _quantize_input(layer, measured)
    _replace_weights(layer, codes, steps)
    _add_after(layer, (lost.sum(axis=2) @ measured.mean).astype(np.float32))


def _rows(layer: Node) -> Float32Array:
    """The weights, float32 (outputs, inputs, positions of the kernel)."""
    weights = layer.input(1).get_source_output().get_node().get_data().astype(np.float32)
    if _is_convolution(layer):
        return np.asarray(weights.reshape(*weights.shape[:2], -1))
    return np.asarray((weights if layer.get_attributes()["transpose_b"] else weights.T)[:, :, np.newaxis])


def _quantize_input(layer: Node, measured: LayerStatistics) -> None:
    step = max(measured.high - measured.low, _SMALLEST) / _LEVELS
    zero = round(-measured.low / step)  # 0 has a level of its own, as it is what convolutions pad with
    low, high = np.float32(-zero * step), np.float32((_LEVELS - zero) * step)
    source = layer.input(0).get_source_output()
    rounded = ops.fake_quantize(source, low, high, low, high, _LEVELS + 1)
    layer.input(0).replace_source_output(rounded.output(0))


def _coded(rows: Float32Array) -> tuple[npt.NDArray[np.int8], Float32Array]:
    """The weights as int8, and what 1 stands for in each row, float32 (outputs,)."""
    greatest = np.abs(rows).max(axis=(1, 2), initial=_SMALLEST)
    steps = np.maximum(greatest / 127, _neighbours(rows) / _PAIR)
    while (too_large := _neighbours(np.round(rows / steps[:, np.newaxis, np.newaxis])) > _PAIR).any():
        steps = np.where(too_large, steps * np.float32(1.005), steps)
    return np.round(rows / steps[:, np.newaxis, np.newaxis]).astype(np.int8), steps


def _neighbours(rows: Float32Array) -> Float32Array:
    """For each row, the largest sum of two neighbouring weights of the same sign, float32 (outputs,)."""
    even = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2), (0, 0)))
    pairs = even.reshape(len(rows), -1, 2, rows.shape[2])
    sums = [np.maximum(sign * pairs, 0).sum(axis=2).max(axis=(1, 2)) for sign in (1, -1)]
    return np.asarray(np.maximum(*sums))


def _replace_weights(layer: Node, codes: npt.NDArray[np.int8], steps: Float32Array) -> None:
    stored: npt.NDArray[np.int8]
    each: Float32Array
    stored, each = codes.reshape(len(codes), -1), steps.reshape(-1, 1)
    if _is_convolution(layer):
        shape = layer.input(1).get_source_output().get_shape()
        stored, each = codes.reshape(shape), steps.reshape(-1, 1, 1, 1)
    elif not layer.get_attributes()["transpose_b"]:
        stored, each = stored.T, each.T
    constant = ops.constant(np.ascontiguousarray(stored), dtype=openvino.Type.i8)
    weights = ops.multiply(ops.convert(constant, "f32"), ops.constant(each))
    layer.input(1).replace_source_output(weights.output(0))


def _add_after(layer: Node, correction: Float32Array) -> None:
    """Give back what the rounding of the weights takes from each output on average."""
    consumers = list(layer.output(0).get_target_inputs())
    each = correction.reshape((1, -1, 1, 1) if _is_convolution(layer) else (-1,))
    corrected = ops.add(layer, ops.constant(each))
    for consumer in consumers:
        consumer.replace_source_output(corrected.output(0))
