"""User-provided ``.keras`` models, adapted to the interface of the other models."""

import hashlib

import keras
import numpy as np

from models.errors import InvalidModel
from models.labels import labels_of
from models.spec import KerasFileWeights, ModelSpec


def build_from_file(weights: KerasFileWeights, spec: ModelSpec) -> keras.Model:
    """uint8 (N, size, size, 3) → float32 probabilities (N, C).

    The saved model receives values from 0 to 255 in its input type. Outputs that are not probabilities are treated as
    logits. Raises InvalidModel if the file changed, contains code, or is not an image classifier.
    """
    inner = _load(weights)
    if len(inner.inputs) != 1 or len(inner.outputs) != 1 or len(inner.outputs[0].shape) != 2:
        raise InvalidModel(f"{weights.path} must have one input, an image, and one output (N, classes).")
    labels = len(labels_of(spec))
    if inner.outputs[0].shape[1] != labels:
        raise InvalidModel(f"{weights.path} has {inner.outputs[0].shape[1]} outputs, its labels file {labels} names.")
    size = spec.transform.height
    image = keras.Input((size, size, 3), dtype="uint8", name="image")
    outputs = keras.ops.cast(inner(keras.ops.cast(image, inner.inputs[0].dtype)), "float32")
    model = keras.Model(image, outputs)
    return model if _gives_probabilities(model, size) else keras.Model(image, keras.layers.Softmax()(outputs))


def _load(weights: KerasFileWeights) -> keras.Model:
    with weights.path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != weights.sha256:
            raise InvalidModel(f"{weights.path} changed while it was being loaded.")
    try:
        return keras.saving.load_model(weights.path, compile=False, safe_mode=True)
    except Exception as error:  # Keras can raise anything for an untrusted file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InvalidModel(f"{weights.path} cannot be loaded: {reason}") from error


def _gives_probabilities(model: keras.Model, size: int) -> bool:
    """Decided by outputs, not layers: a softmax can be a layer, an activation, or part of a custom class."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, size, size, 3), np.uint8)
    outputs = np.asarray(model(pixels, training=False))
    return bool((outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-2))
