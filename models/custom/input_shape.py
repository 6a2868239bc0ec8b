"""The shape of the image that a saved model takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.custom.layer_graph import LayerGraph
from models.custom.saved_model import Config
from models.errors import InvalidModel

_CHANNELS = (1, 3)
_SIZE_KEYS = {"Resizing": ("height", "width"), "CenterCrop": ("height", "width"), "RandomCrop": ("height", "width")}


@dataclass(frozen=True, slots=True)
class InputShape:
    """Height and width are None if the model takes any."""

    height: int | None
    width: int | None
    channels: int
    channels_first: bool = False


def input_shape_of(path: Path, config: Config, graph: LayerGraph, *, channels_first: bool | None) -> InputShape:
    """``channels_first``: None to tell it from the model. Raises InvalidModel unless the model takes one image."""
    if len(graph.input_names) > 1:
        raise InvalidModel(f"{path} has {len(graph.input_names)} inputs; a model to be served has one, an image.")
    shape = _shape(config, graph)
    match shape:
        case [_, int() | None, int() | None]:
            return InputShape(shape[1], shape[2], channels=1)
        case [_, _, _, _]:
            first = _is_channels_first(shape, graph) if channels_first is None else channels_first
            height, width, channels = (shape[2], shape[3], shape[1]) if first else shape[1:]
            if channels in _CHANNELS:
                if height is None or width is None:
                    height, width = _size_of_first_layers(graph)
                return InputShape(height, width, channels, first)
    raise InvalidModel(f"{path} must take RGB or grey images, (N, H, W, 3) or (N, H, W, 1), not {_readable(shape)}.")


def _shape(config: Config, graph: LayerGraph) -> Any:  # noqa: ANN401 – any JSON value
    """Of the first input layer, which may be in a nested model; else the shape the model was built with."""
    first = next((graph.layers[name] for name in graph.input_names if name in graph.layers), None)
    while first:
        shape = first.config.get("batch_shape") or first.config.get("batch_input_shape")
        if shape:
            return shape
        inner = first.graph
        first = (
            next((inner.layers[name] for name in inner.input_names if name in inner.layers), None) if inner else None
        )
    return config["config"].get("build_input_shape") or config.get("build_config", {}).get("input_shape")


def _is_channels_first(shape: list[Any], graph: LayerGraph) -> bool:
    if shape[1] not in _CHANNELS or shape[3] not in _CHANNELS:
        return shape[1] in _CHANNELS  # whatever the layers take: a model can begin by moving the channels
    formats = {
        layer.config["data_format"] for layer in graph.all_layers() if layer.config.get("data_format") is not None
    }
    return formats == {"channels_first"}


def _size_of_first_layers(graph: LayerGraph) -> tuple[int | None, int | None]:
    """The size to which the model itself resizes its input, if that is what it does first."""
    names = graph.input_names
    while len(names) == 1 and names[0] in graph.layers:
        layer = graph.layers[names[0]]
        if layer.graph:
            return _size_of_first_layers(layer.graph)
        if keys := _SIZE_KEYS.get(layer.kind):
            return layer.config.get(keys[0]), layer.config.get(keys[1])
        if layer.kind != "InputLayer" and not layer.kind.startswith(("Random", "Rescaling", "Normalization")):
            break
        names = [consumer.name for consumer in graph.consumers(layer.name)]
    return None, None


def _readable(shape: object) -> str:
    if not isinstance(shape, list):
        return "an input whose shape the file does not tell"
    return f"({', '.join('None' if side is None else str(side) for side in shape)})"
