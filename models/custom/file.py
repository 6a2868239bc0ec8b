"""The spec of a user's model file, read without importing Keras."""

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

from models.custom.input_shape import InputShape, input_shape_of
from models.custom.layer_graph import LayerGraph, graph_of
from models.custom.names import model_name
from models.custom.options import ModelOptions, options_beside
from models.custom.output_kind import FoundOutputs, find_outputs
from models.custom.pixel_range import FoundRange, find_range
from models.custom.saved_model import SUFFIXES, SavedModel
from models.errors import InvalidModel, UnknownModelError
from models.labels import check_label_count, labels_beside
from models.spec import Adapter, AdapterActivation, Findings, KerasFileWeights, ModelSpec, OutputKind, Transform

_RANGE_CHOICES = "or -1..1, torch, caffe"


def spec_of_file(name: str) -> ModelSpec:
    """The spec of a ``.keras`` or ``.h5`` file and of ``model.yaml`` and the labels beside it.

    Raises UnknownModelError if the file does not exist, InvalidModel if it cannot be served; the message says what to
    write into ``model.yaml``, if that helps.
    """
    path = _existing(name)
    try:
        return _spec(path)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise InvalidModel(
            f"{path} has a configuration that Keras cannot have written: {type(error).__name__} {error}; save it again."
        ) from error


def _spec(path: Path) -> ModelSpec:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    model = SavedModel(path)
    graph = graph_of(model.config)
    _check_code(path, graph)
    options, options_path = options_beside(path)
    first = None if options.layout is None else options.layout == "channels_first"
    shape = input_shape_of(path, model.config, graph, channels_first=first)
    transform = _transform(path, shape, options, options_path)
    pixels, pixels_found, warnings = _pixels(path, options, options_path, find_range(model, graph))
    outputs = find_outputs(path, graph)
    kind, activation, outputs_found = _outputs(path, options, options_path, outputs)
    adapter = replace(pixels, channels_first=shape.channels_first, activation=activation)
    labels = path.with_name(options.labels) if options.labels else labels_beside(path)
    check_label_count(path, labels, outputs.units, kind)
    return ModelSpec(
        name=model_name(options.name or path.stem),
        title=options.name or path.stem,
        version=_version(digest, adapter, transform, kind),
        transform=transform,
        parameters=None,
        top1=None,
        license="the user's own",
        weights=KerasFileWeights(path, digest, adapter),
        labels=labels,
        kind=kind,
        findings=Findings(pixels_found, outputs_found, warnings),
    )


def _existing(name: str) -> Path:
    path = Path(name).expanduser().absolute()
    path = path.parent.resolve() / path.name  # the same for every way to name the file
    if path.is_dir():
        files = sorted(found.name for found in path.iterdir() if found.name.casefold().endswith(SUFFIXES))
        hint = f"name a file in it, like {path / files[0]}" if files else "save the model with model.save('x.keras')"
        raise InvalidModel(f"{path} is a folder; {hint}.")
    if not path.is_file():
        raise UnknownModelError(f"There is no model file {path}.")
    if not path.name.casefold().endswith(SUFFIXES):
        raise InvalidModel(f"{path} is neither a .keras nor an .h5 file; save the model with model.save('x.keras').")
    return path


def _check_code(path: Path, graph: LayerGraph) -> None:
    if code := next((layer.name for layer in graph.all_layers() if layer.kind == "Lambda"), None):
        raise InvalidModel(
            f"{path} contains the Lambda layer {code}, Python code. Raylens runs no code from model files; "
            "replace it with a Keras layer or operation, like Rescaling."
        )


def _transform(path: Path, shape: InputShape, options: ModelOptions, options_path: Path) -> Transform:
    wanted = (options.size, options.size) if isinstance(options.size, int) else options.size
    height, width = shape.height, shape.width
    if wanted:
        if (height or wanted[0], width or wanted[1]) != wanted:
            raise InvalidModel(f"{path} takes {height} × {width} pixels; delete `size` from {options_path.name}.")
        height, width = wanted
    if height is None or width is None:
        raise InvalidModel(
            f"{path} takes images of any size; write the one that it was trained with, like `size: 224` or "
            f"`size: [height, width]`, to {options_path.name} beside it."
        )
    return Transform(height, width, options.crop, shape.channels, options.resize == "stretch")


def _pixels(
    path: Path, options: ModelOptions, options_path: Path, found: FoundRange
) -> tuple[Adapter, str, tuple[str, ...]]:
    """The scaling, why it is so, and warnings."""
    if given := options.scaling():
        what = options.input_range or "0..255"
        readable = what if isinstance(what, str) else f"{what[0]:g}..{what[1]:g}"
        return given, f"{readable}, from {options_path.name}", ()
    if found.name:
        scaling = ModelOptions(input_range=found.name).scaling() or Adapter()
        return scaling, f"{found.name}, because the layer {found.layer} scales it", ()
    likely = found.backbone_range or "0..1"
    reason = (
        f"contains {found.backbone}, which keras.applications trained on `{likely}`, but no layer that scales its input"
        if found.backbone
        else "has no layer that scales its input"
    )
    warning = (
        f"{path.name} {reason}, so it gets pixel values from 0 to 255. If it was trained on others, write "
        f"`input_range: {likely}`{'' if found.backbone else f' ({_RANGE_CHOICES})'} to {options_path.name} beside it; "
        "`input_range: 0..255` confirms them."
    )
    return Adapter(), "0..255, assumed, because no layer scales it", (warning,)


def _outputs(
    path: Path, options: ModelOptions, options_path: Path, found: FoundOutputs
) -> tuple[OutputKind, AdapterActivation, str]:
    """The kind, the activation to add, and why."""
    is_linear = options.outputs == "logits" if options.outputs else found.activation == "linear"
    if found.activation is None and (options.kind is None or options.outputs is None):
        raise InvalidModel(
            f"{path}: the last layer, {found.layer}, does not tell what the outputs mean; write `kind: multi-class`, "
            f"multi-label or binary and `outputs: probabilities` or logits to {options_path.name} beside it."
        )
    kind = options.kind or found.kind
    if kind is not OutputKind.BINARY and found.units == 1:
        raise InvalidModel(
            f"{path} has a single output, so its kind is binary; delete `kind` from {options_path.name}."
        )
    if found.activation == "softmax" and found.units == 1 and not is_linear:
        raise InvalidModel(f"{path} ends with a softmax over one output, which is always 1; train it with a sigmoid.")
    activation: AdapterActivation = None
    if is_linear:
        activation = "softmax" if kind is OutputKind.MULTI_CLASS else "sigmoid"
    what = "logits" if is_linear else "probabilities"
    source = options_path.name if options.kind or options.outputs else f"the layer {found.layer}, {found.activation}"
    return kind, activation, f"{kind}, {what}, from {source}"


def _version(digest: str, adapter: Adapter, transform: Transform, kind: OutputKind) -> str:
    """12 hex digits that change with everything that can change the probabilities of an image."""
    content = [digest, asdict(adapter), asdict(transform), kind]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
