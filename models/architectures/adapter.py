"""Adapts a user's model to the interface of the other models."""

import keras
import numpy as np

from models.spec import Adapter, KerasFileWeights, ModelSpec, OutputKind


def adapt(inner: keras.Model, spec: ModelSpec) -> keras.Model:
    """uint8 (N, H, W, C), RGB or grey → float32 probabilities (N, C), in one graph.

    ``inner`` has one input, an image as the spec's adapter describes it, and one output (N, C).
    """
    adapter = spec.weights.adapter if isinstance(spec.weights, KerasFileWeights) else Adapter()
    image = keras.Input(spec.transform.shape, dtype="uint8", name="image")
    (outputs,) = keras.tree.flatten(inner(_scaled(image, adapter, inner.inputs[0])))  # it may be in a list or dict
    outputs = keras.ops.cast(outputs, "float32")
    return keras.Model(image, _probabilities(outputs, adapter, spec.kind))


def _scaled(image: keras.KerasTensor, adapter: Adapter, expected: keras.KerasTensor) -> keras.KerasTensor:
    x = keras.ops.cast(image, "float32")
    if adapter.bgr:
        x = keras.ops.flip(x, axis=-1)
    if adapter.scale != (1.0,):
        x = x * np.array(adapter.scale, np.float32)
    if adapter.offset != (0.0,):
        x = x + np.array(adapter.offset, np.float32)
    if adapter.channels_first:
        x = keras.ops.transpose(x, (0, 3, 1, 2))
    if len(expected.shape) == 3:  # grey without an axis for the channels
        x = keras.ops.squeeze(x, axis=-1)
    return keras.ops.cast(x, expected.dtype)


def _probabilities(outputs: keras.KerasTensor, adapter: Adapter, kind: OutputKind) -> keras.KerasTensor:
    match adapter.activation:
        case "softmax":
            outputs = keras.ops.softmax(outputs, axis=-1)
        case "sigmoid":
            outputs = keras.ops.sigmoid(outputs)
    if kind is OutputKind.BINARY:
        outputs = keras.ops.concatenate([1 - outputs, outputs], axis=-1)
    return outputs
