"""The range of pixel values that a saved model takes, told by the layers that scale its input."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from models.custom.layer_graph import LayerGraph, SavedLayer
from models.custom.saved_model import SavedModel

RangeName = Literal["0..255", "0..1", "-1..1"]

_BACKBONES: Final = (
    ("inception", "-1..1"),
    ("xception", "-1..1"),
    ("mobilenetv2", "-1..1"),
    ("mobilenet_", "-1..1"),
    ("nasnet", "-1..1"),
    ("resnet50v2", "-1..1"),
    ("resnet101v2", "-1..1"),
    ("resnet152v2", "-1..1"),
    ("resnet", "caffe"),
    ("vgg", "caffe"),
    ("densenet", "torch"),
)
"""Start of the names of models of ``keras.applications`` that do not scale their input → the values they take."""

_UNSCALED: Final = {
    *("InputLayer", "Resizing", "CenterCrop", "ZeroPadding2D", "Dropout", "SpatialDropout2D", "GaussianNoise"),
    *("Identity", "Cast", "Permute", "Reshape", "Flatten", "Stack", "GetItem", "Flip", "Transpose", "MaxPooling2D"),
    *("AveragePooling2D", "MixUp", "CutMix", "AugMix", "AutoContrast", "Equalization", "Solarization"),
}
"""These and ``Rand…`` layers keep the range of their input."""

_NORMALIZED: Final = 25.0
"""Models scale 0…255 to a span of at most this."""


@dataclass(frozen=True, slots=True)
class _Affine:
    """A layer computes ``x * scale + offset``; the means of its channels."""

    scale: float
    offset: float
    layer: str


@dataclass(frozen=True, slots=True)
class FoundRange:
    """``name`` is None if no layer tells it; ``layer`` is the one that does."""

    name: RangeName | None
    layer: str = ""
    backbone: str = ""
    """A model of ``keras.applications`` inside, if no layer tells the range."""
    backbone_range: str = ""


def find_range(model: SavedModel, graph: LayerGraph) -> FoundRange:
    """Follow the image into the model up to the first layer that scales it, or that is neither scaling nor neutral."""
    return _search(model, graph, ())


def _search(model: SavedModel, graph: LayerGraph, parts: tuple[tuple[str, int], ...]) -> FoundRange:
    waiting, seen = list(graph.input_names), set[str]()
    while waiting:
        layer = graph.layers.get(waiting.pop(0))
        if layer is None or layer.name in seen:
            continue
        seen.add(layer.name)
        place = (*parts, (layer.kind, layer.number))
        if inner := layer.graph:
            found = _search(model, inner, place)
            if found.name or found.layer or not _is_neutral(inner):
                return found if found.name or found.backbone else _with_backbone(found, layer.config.get("name", ""))
        elif affine := _affine(model, layer, place):
            return FoundRange(_range_before(affine), affine.layer)
        elif not _is_unscaled(layer):
            return _with_backbone(FoundRange(None), str(graph.name)) if not parts else FoundRange(None)
        waiting += [consumer.name for consumer in graph.consumers(layer.name)]
    return FoundRange(None)


def _is_unscaled(layer: SavedLayer) -> bool:
    return layer.kind in _UNSCALED or layer.kind.startswith("Rand") or _is_identity(layer)


def _is_identity(layer: SavedLayer) -> bool:
    return layer.kind == "Rescaling" and (layer.config.get("scale"), layer.config.get("offset")) == (1.0, 0.0)


def _is_neutral(graph: LayerGraph) -> bool:
    """Whether a nested model, like one for augmentation, keeps the range."""
    return all(_is_unscaled(layer) for layer in graph.layers.values())


def _with_backbone(found: FoundRange, name: str) -> FoundRange:
    known = next((pixels for start, pixels in _BACKBONES if name.casefold().startswith(start)), "")
    return FoundRange(found.name, found.layer, name, known) if known else found


def _affine(model: SavedModel, layer: SavedLayer, place: tuple[tuple[str, int], ...]) -> _Affine | None:
    """What the layer computes, if that is a scaling or shift other than the identity."""
    scale, offset = 1.0, 0.0
    constant = _mean(layer.constants[-1]) if layer.constants and len(layer.inputs) == 1 else None
    match layer.kind.casefold():
        case "rescaling":
            scale, offset = _mean(layer.config.get("scale", 1.0)), _mean(layer.config.get("offset", 0.0))
        case "normalization" | "batchnormalization":
            if (statistics := _statistics(model, layer, place)) is None:
                return None
            mean, variance = statistics
            scale = 1 / math.sqrt(max(variance, 1e-7))
            offset = -mean * scale
        case "truedivide" | "truediv" | "divide" if constant:
            scale = 1 / constant
        case "multiply" | "mul" if constant is not None:
            scale = constant
        case "subtract" | "sub" if constant is not None:
            offset = -constant
        case "add" | "biasadd" | "bias_add" if constant is not None:
            offset = constant
    is_one = math.isclose(scale, 1.0) and abs(offset) < 1e-6
    return None if is_one or not math.isfinite(scale) or scale <= 0 else _Affine(scale, offset, layer.name)


def _statistics(model: SavedModel, layer: SavedLayer, place: tuple[tuple[str, int], ...]) -> tuple[float, float] | None:
    """Mean and variance of the images in training, over all channels."""
    if layer.kind == "Normalization":
        if layer.config.get("mean") is not None:
            return _mean(layer.config["mean"]), _mean(layer.config["variance"])
        names = ["mean", "variance"]
    else:
        names = [name for name, key in (("gamma", "scale"), ("beta", "center")) if layer.config.get(key, True)]
        names += ["moving_mean", "moving_variance"]
    values = model.variables(layer.name, place, names)
    if values is None or (layer.kind == "BatchNormalization" and _is_untrained(values)):
        return None
    return _mean(values[-2]), _mean(values[-1])


def _is_untrained(values: list[list[float]]) -> bool:
    return all(value == 0 for value in values[-2]) and all(value == 1 for value in values[-1])


def _range_before(affine: _Affine) -> RangeName:
    """The range that the layer maps to values around 0 or from 0 to 1."""
    center = -affine.offset / affine.scale
    if (affine.scale < 1 and 255 * affine.scale <= _NORMALIZED) or center > 2:
        return "0..255"
    deviation = 1 / affine.scale
    if center <= -0.25 or (affine.offset and abs(center) < 0.25 and 0.35 < deviation < 1):
        return "-1..1"
    return "0..1"


def _mean(value: Any) -> float:  # noqa: ANN401 – a number or nested lists of numbers
    numbers = list(_numbers(value))
    return math.fsum(numbers) / len(numbers) if numbers else math.nan


def _numbers(value: Any) -> Sequence[float]:  # noqa: ANN401
    if isinstance(value, dict):  # a serialized array
        value = value.get("config", {}).get("value", [])
    if isinstance(value, list):
        return [number for item in value for number in _numbers(item)]
    return [float(value)] if isinstance(value, int | float) else []
