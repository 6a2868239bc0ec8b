"""EfficientNet-Lite in Keras: no squeeze-and-excitation, ReLU6 instead of swish, stem and head of fixed width.

Layers have the names of the modules in the PyTorch checkpoint, so that weights are matched by name.
"""

import math
from typing import Any, NamedTuple

import keras
import numpy.typing as npt
from keras import layers

from models.errors import WeightsCorrupt
from models.spec import EfficientNetLiteWeights, Transform
from models.torch_file import StateDict
from models.weights import load_state_dict

_STEM_CHANNELS = 32
_HEAD_CHANNELS = 1280
_CLASSES = 1000
_BATCH_NORM_EPSILON = 1e-3


class _Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


def build_efficientnet_lite(weights: EfficientNetLiteWeights, transform: Transform) -> keras.Model:
    """uint8 (N, size, size, 3) → float32 probabilities (N, 1000). Raises WeightsUnavailable or WeightsCorrupt."""
    state = load_state_dict(weights)
    model = _architecture(weights.width, weights.depth, transform.height)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(_weights_of(layer, state))
    return model


def _architecture(width: float, depth: float, size: int) -> keras.Model:
    image = keras.Input((size, size, 3), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, dtype="float32", name="normalize")(image)
    x = _convolution(x, "_conv_stem", "_bn0", _STEM_CHANNELS, kernel=3, stride=2)
    block = 0
    for stage, channels, repeats in _scaled(width, depth):
        for repeat in range(repeats):
            stride = stage.stride if repeat == 0 else 1
            x = _block(x, f"_blocks.{block}", stage, channels, stride)
            block += 1
    x = _convolution(x, "_conv_head", "_bn1", _HEAD_CHANNELS)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(_CLASSES, activation="softmax", name="_fc")(x))


def _scaled(width: float, depth: float) -> list[tuple[_Stage, int, int]]:
    """Stage, channels and repeats. The repeats of the first and the last stage are not scaled."""
    fixed = {_STAGES[0], _STAGES[-1]}
    return [
        (
            stage,
            _round_channels(stage.channels * width),
            stage.repeats if stage in fixed else math.ceil(stage.repeats * depth),
        )
        for stage in _STAGES
    ]


def _round_channels(channels: float, multiple: int = 8) -> int:
    """Round to the nearest multiple, but not below 90 % of the value."""
    rounded = max(multiple, int(channels + multiple / 2) // multiple * multiple)
    return rounded + multiple if rounded < 0.9 * channels else rounded


def _block(x: keras.KerasTensor, name: str, stage: _Stage, channels: int, stride: int) -> keras.KerasTensor:
    """Inverted residual: 1×1 expansion, depthwise convolution, linear 1×1 projection, skip if the shapes match."""
    entry = x
    if stage.expand > 1:
        x = _convolution(x, f"{name}._expand_conv", f"{name}._bn0", entry.shape[-1] * stage.expand)
    x = layers.DepthwiseConv2D(stage.kernel, stride, padding="same", use_bias=False, name=f"{name}._depthwise_conv")(x)
    x = _normalized(x, f"{name}._bn1", relu=True)
    x = _convolution(x, f"{name}._project_conv", f"{name}._bn2", channels, relu=False)
    if stride == 1 and entry.shape[-1] == channels:
        x = layers.Add(name=f"{name}.add")([x, entry])
    return x


def _convolution(
    x: keras.KerasTensor, name: str, norm: str, channels: int, *, kernel: int = 1, stride: int = 1, relu: bool = True
) -> keras.KerasTensor:
    x = layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False, name=name)(x)
    return _normalized(x, norm, relu=relu)


def _normalized(x: keras.KerasTensor, name: str, *, relu: bool) -> keras.KerasTensor:
    x = layers.BatchNormalization(epsilon=_BATCH_NORM_EPSILON, name=name)(x)
    return layers.ReLU(max_value=6, name=f"{name}.relu6")(x) if relu else x


def _weights_of(layer: keras.layers.Layer, state: StateDict) -> list[npt.NDArray[Any]]:
    """The layer's tensors in Keras' order and layout. Raises WeightsCorrupt if one is missing."""
    try:
        match layer:
            case layers.BatchNormalization():
                return [state[f"{layer.name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
            case layers.DepthwiseConv2D():
                return [state[f"{layer.name}.weight"].transpose(2, 3, 0, 1)]
            case layers.Conv2D():
                return [state[f"{layer.name}.weight"].transpose(2, 3, 1, 0)]
            case _:
                return [state[f"{layer.name}.weight"].T, state[f"{layer.name}.bias"]]
    except KeyError as error:
        raise WeightsCorrupt(f"The checkpoint has no tensor {error}.") from None
