"""The layers of a saved model and how they are connected."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from models.custom.saved_model import Config


@dataclass(frozen=True, slots=True)
class SavedLayer:
    """A layer, operation or nested model."""

    name: str
    kind: str
    """The class, like ``Dense`` or ``TrueDivide``."""
    config: dict[str, Any]
    number: int
    """Position among the layers of this kind."""
    inputs: tuple[str, ...] = ()
    """Names of the layers whose outputs it takes, for its first call."""
    constants: tuple[float | list[Any], ...] = field(default=(), hash=False)
    """The arguments of its first call that are numbers or arrays."""

    @property
    def graph(self) -> "LayerGraph | None":
        """The layers of a nested model."""
        return LayerGraph(self.config) if isinstance(self.config.get("layers"), list) else None


class LayerGraph:
    """Of a functional or sequential model in the formats of Keras 2 and 3, from its ``config``."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self.name = config.get("name", "")
        self.layers: dict[str, SavedLayer] = {layer.name: layer for layer in self._read()}

    @cached_property
    def input_names(self) -> list[str]:
        """The input layers; for a sequential model its first layer."""
        return _references(self._config.get("input_layers")) or list(self.layers)[:1]

    @cached_property
    def output_names(self) -> list[str]:
        return _references(self._config.get("output_layers")) or list(self.layers)[-1:]

    def consumers(self, name: str) -> list[SavedLayer]:
        """The layers that take the output of a layer."""
        return [layer for layer in self.layers.values() if name in layer.inputs]

    def all_layers(self) -> Iterator[SavedLayer]:
        """Those of nested models, too, instead of these models."""
        for layer in self.layers.values():
            if layer.graph:
                yield from layer.graph.all_layers()
            else:
                yield layer

    def _read(self) -> Iterator[SavedLayer]:
        is_functional = "input_layers" in self._config
        counts: Counter[str] = Counter()
        previous: tuple[str, ...] = ()
        for layer in self._config.get("layers", []):
            config, kind = layer.get("config") or {}, str(layer.get("class_name"))
            if kind == "TFOpLambda":
                kind = str(config.get("function", kind)).rpartition(".")[2]
            name = str(layer.get("name") or config.get("name") or f"{kind}_{counts[kind]}")
            inputs, constants = _call(layer.get("inbound_nodes")) if is_functional else (previous, ())
            yield SavedLayer(name, kind, config, counts[kind], inputs, constants)
            counts[kind] += 1
            previous = (name,)


def _call(nodes: Any) -> tuple[tuple[str, ...], tuple[float | list[Any], ...]]:  # noqa: ANN401 – any JSON value
    """Inputs and constants of the first call in ``inbound_nodes``."""
    if not isinstance(nodes, list) or not nodes:
        return (), ()
    tensors: list[str] = []
    constants: list[float | list[Any]] = []
    if isinstance(nodes[0], dict):
        _collect([nodes[0].get("args"), nodes[0].get("kwargs")], tensors, constants)
    else:
        calls = nodes[0] if isinstance(nodes[0], list) and nodes[0] and isinstance(nodes[0][0], list) else [nodes[0]]
        for call in calls:  # Keras 2: [name, node, tensor, {argument: value}]
            if isinstance(call, list) and call and isinstance(call[0], str):
                tensors.append(call[0])
                _collect(call[3:], tensors, constants)
    return tuple(tensors), tuple(constants)


def _collect(value: Any, tensors: list[str], constants: list[float | list[Any]]) -> None:  # noqa: ANN401
    match value:
        case {"class_name": "__keras_tensor__", "config": {"keras_history": [str(name), *_]}}:
            tensors.append(name)
        case {"class_name": "__tensor__" | "__numpy__", "config": {"value": array}}:
            constants.append(array)
        case bool() | str() | None:
            pass
        case int() | float():
            constants.append(float(value))
        case dict():
            for item in value.values():
                _collect(item, tensors, constants)
        case list():
            for item in value:
                _collect(item, tensors, constants)


def _references(value: Any) -> list[str]:  # noqa: ANN401 – any JSON value
    """Names in ``["name", 0, 0]``, a list or a dict of these."""
    match value:
        case [str(name), int(), int()]:
            return [name]
        case list():
            return [name for item in value for name in _references(item)]
        case dict():
            return [name for item in value.values() for name in _references(item)]
    return []


def graph_of(config: Config) -> LayerGraph:
    """The layers of the model in a file."""
    return LayerGraph(config["config"])
