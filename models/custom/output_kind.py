"""What the outputs of a saved model mean, told by its last layers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from models.custom.layer_graph import LayerGraph, SavedLayer
from models.errors import InvalidModel
from models.spec import OutputKind

Activation = Literal["softmax", "sigmoid", "linear"]

_TRANSPARENT: Final = {
    *("Flatten", "Reshape", "Dropout", "Identity", "Cast", "Permute", "Squeeze", "ActivityRegularization"),
    *("GlobalAveragePooling2D", "GlobalMaxPooling2D", "AveragePooling2D", "Mean", "Max", "Average"),
}
"""Layers after which outputs are what they were before."""

_LINEAR: Final = {
    *("Rescaling", "BatchNormalization", "LayerNormalization", "TrueDivide", "Multiply", "Add", "Subtract"),
    *("BiasAdd", "Matmul", "Einsum", "UnitNormalization", "Negative", "Clip"),
}
"""Layers and operations whose results are logits if these layers come last."""


_ACTIVATIONS: Final = {"Activation", "Softmax", "LogSoftmax", "Sigmoid", "HardSigmoid"}


@dataclass(frozen=True, slots=True)
class FoundOutputs:
    """``activation`` is None if the last layer does not tell."""

    activation: Activation | None
    units: int | None
    layer: str

    @property
    def kind(self) -> OutputKind:
        if self.units == 1:
            return OutputKind.BINARY
        return OutputKind.MULTI_LABEL if self.activation == "sigmoid" else OutputKind.MULTI_CLASS


def find_outputs(path: Path, graph: LayerGraph) -> FoundOutputs:
    """Follow the model from its output back to the layer that tells. Raises InvalidModel if it has several outputs."""
    if len(graph.output_names) > 1:
        raise InvalidModel(
            f"{path} has {len(graph.output_names)} outputs, {', '.join(graph.output_names)}; save a model with the one "
            "that holds the classes."
        )
    return _output(graph)


def _output(graph: LayerGraph) -> FoundOutputs:
    return _found(graph, graph.output_names[0]) if graph.output_names else FoundOutputs(None, None, "")


def _found(graph: LayerGraph, name: str) -> FoundOutputs:
    layer = graph.layers.get(name)
    if layer is None:
        return FoundOutputs(None, None, name)
    if layer.graph:
        return _output(layer.graph)
    if layer.kind in _TRANSPARENT or (layer.kind == "Activation" and _named(layer) == "linear"):
        branches = [_found(graph, each) for each in layer.inputs]
        agree = len({branch.activation for branch in branches}) == 1
        return branches[0] if agree else FoundOutputs(None, None, layer.name)
    if layer.kind in _ACTIVATIONS:
        return FoundOutputs(_named(layer), _units_before(graph, layer), layer.name)
    if layer.kind in _LINEAR:
        before = _found(graph, layer.inputs[0]).activation if len(layer.inputs) == 1 else "softmax"
        is_linear = before in {None, "linear"}  # changed probabilities are neither these nor logits
        return FoundOutputs("linear" if is_linear else None, _units_before(graph, layer), layer.name)
    units = layer.config.get("units") or layer.config.get("filters")
    return FoundOutputs(_named(layer) if units else None, units, layer.name)


def _named(layer: SavedLayer) -> Activation | None:
    """The activation of a layer with one, or that is one."""
    return _activation(layer.kind if layer.kind in _ACTIVATIONS - {"Activation"} else layer.config.get("activation"))


def _units_before(graph: LayerGraph, layer: SavedLayer) -> int | None:
    return _found(graph, layer.inputs[0]).units if layer.inputs else None


def _activation(value: Any) -> Activation | None:  # noqa: ANN401 – any JSON value
    """An activation as Keras saves it: a name, or an object with its class."""
    if isinstance(value, dict):
        inner = value.get("config")
        value = inner if isinstance(inner, str) else value.get("class_name")
    match str(value or "linear").casefold().replace("_", ""):
        case "softmax":
            return "softmax"
        case "sigmoid" | "hardsigmoid":
            return "sigmoid"
        case "linear" | "logsoftmax":  # softmax turns both into probabilities
            return "linear"
    return None
