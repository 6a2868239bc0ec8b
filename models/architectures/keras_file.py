"""User-provided ``.keras`` models, adapted to the interface of the other models."""

import hashlib
import re
import tempfile
from pathlib import Path

import keras

from models.architectures.adapter import adapt
from models.architectures.float32 import in_float32
from models.custom.saved_model import is_hdf5
from models.errors import InvalidModel
from models.labels import check_label_count
from models.spec import KerasFileWeights, ModelSpec

_LONGEST_REASON = 300
"""Characters."""


def build_from_file(weights: KerasFileWeights, spec: ModelSpec) -> keras.Model:
    """uint8 (N, H, W, C) → float32 probabilities (N, C).

    Raises InvalidModel if the file changed, contains code, or is not an image classifier with those labels.
    """
    inner = _with_single_tensors(_load(weights), weights)
    if spec.labels:
        check_label_count(weights.path, spec.labels, inner.outputs[0].shape[1], spec.kind)
    return adapt(inner, spec)


def _load(weights: KerasFileWeights) -> keras.Model:
    with weights.path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != weights.sha256:
            raise InvalidModel(f"{weights.path} changed while it was being loaded.")
    try:
        with tempfile.TemporaryDirectory() as folder:  # Keras knows the format only by the suffix
            link = Path(folder) / ("model.h5" if is_hdf5(weights.path) else "model.keras")
            link.symlink_to(weights.path)
            model = in_float32(keras.saving.load_model(link, compile=False, safe_mode=True))
    except Exception as error:  # Keras can raise anything for an untrusted file
        raise InvalidModel(_explanation(weights.path, str(error) or type(error).__name__)) from error
    _rename_layers(model)
    return model


_GRAPH_NAME = re.compile(r"[A-Za-z0-9.][\w.\\/>-]*", re.ASCII)


def _rename_layers(model: keras.Model) -> None:
    """Layers may have names in any script, but TensorFlow's graphs, which both runtimes need, only ASCII ones."""
    for number, layer in enumerate(model._flatten_layers()):  # with itself and the layers inside of layers
        if not _GRAPH_NAME.fullmatch(layer.name):
            layer.name = f"layer_{number}"


_CUSTOM_CODE = re.compile(r"(?:Could not locate (?:class|function)|Unknown [a-z ]+:) '([^']+)'")


def _explanation(path: Path, message: str) -> str:
    """One line. Keras puts the cause last, behind the configurations of all objects around it."""
    if custom := _CUSTOM_CODE.search(message):
        return (
            f"{path} needs {custom[1]}, Python code outside of Keras. Raylens runs no code from model files; build the "
            "model from Keras' own layers and save it again."
        )
    reason = message.rpartition("Exception encountered: ")[2].strip().partition("\n")[0]
    return f"{path} cannot be loaded: {reason[:_LONGEST_REASON]}"


def _with_single_tensors(model: keras.Model, weights: KerasFileWeights) -> keras.Model:
    """The same model without the lists or dictionaries around its only input and output."""
    inputs, outputs = getattr(model, "inputs", None) or [], getattr(model, "outputs", None) or []
    if len(inputs) != 1 or len(outputs) != 1:
        found = f"{len(inputs)} inputs and {len(outputs)} outputs"
        raise InvalidModel(
            f"{weights.path} has {found}; a model to be served has one of each, an image and its classes."
        )
    if len(outputs[0].shape) != 2:
        shape = ", ".join("N" if size is None else str(size) for size in outputs[0].shape)
        raise InvalidModel(
            f"{weights.path} returns ({shape}); a classifier returns one number per class, (N, classes)."
        )
    return keras.Model(inputs[0], outputs[0])
