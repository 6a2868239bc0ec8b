"""User-provided ``.keras`` models, adapted to the interface of the other models."""

import hashlib
import tempfile
from pathlib import Path

import keras

from models.architectures.adapter import adapt
from models.errors import InvalidModel
from models.labels import check_label_count
from models.spec import KerasFileWeights, ModelSpec


def build_from_file(weights: KerasFileWeights, spec: ModelSpec) -> keras.Model:
    """uint8 (N, H, W, C) → float32 probabilities (N, C).

    Raises InvalidModel if the file changed, contains code, or is not an image classifier with those labels.
    """
    inner = _load(weights)
    if len(inner.inputs) != 1 or len(inner.outputs) != 1 or len(inner.outputs[0].shape) != 2:
        raise InvalidModel(f"{weights.path} must have one input, an image, and one output (N, classes).")
    if spec.labels:
        check_label_count(weights.path, spec.labels, inner.outputs[0].shape[1], spec.kind)
    return adapt(inner, spec)


def _load(weights: KerasFileWeights) -> keras.Model:
    with weights.path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != weights.sha256:
            raise InvalidModel(f"{weights.path} changed while it was being loaded.")
    try:
        with tempfile.TemporaryDirectory() as folder:  # Keras knows the format only by a suffix in lower case
            link = Path(folder) / f"model{weights.path.suffix.lower()}"
            link.symlink_to(weights.path)
            return keras.saving.load_model(link, compile=False, safe_mode=True)
    except Exception as error:  # Keras can raise anything for an untrusted file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InvalidModel(f"{weights.path} cannot be loaded: {reason}") from error
