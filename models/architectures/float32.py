"""Models that compute in float32, whatever they were trained or quantized to compute in."""

import re
import tempfile
from pathlib import Path
from typing import Any

import keras

_OTHER_FORMATS = re.compile(r"(?:mixed_)?(?:float16|bfloat16|float64)")


def in_float32(model: keras.Model) -> keras.Model:
    """The model, or a copy if it computes in another number format, like models trained in mixed precision.

    OpenVINO's converter has no bfloat16 and float8, and on a CPU these formats save nothing. Weights that Keras
    quantized to integers stay so; the inputs of their layers are no longer rounded.
    """
    config = keras.saving.serialize_keras_object(model)
    replaced = _replaced(config)
    if replaced != config:
        model = _with_config(model, replaced)
    for layer in model._flatten_layers():  # Model.layers leaves out layers inside of layers
        mode = getattr(layer, "quantization_mode", None)
        if mode == "float8":
            layer.dtype_policy = "float32"
        elif mode:
            layer.inputs_quantizer = None
    return model


def _with_config(model: keras.Model, config: dict[str, Any]) -> keras.Model:
    """A model with this configuration and the same weights."""
    copy: keras.Model = keras.saving.deserialize_keras_object(config)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder, "model.weights.h5")
        model.save_weights(weights)  # unlike set_weights(), this restores what layers derive from their weights
        copy.load_weights(weights)
    return copy


def _replaced(value: Any) -> Any:  # noqa: ANN401 – any configuration
    match value:
        case str() if _OTHER_FORMATS.fullmatch(value.rpartition("_from_")[2]):
            return _OTHER_FORMATS.sub("float32", value)
        case dict():
            return {key: _replaced(item) for key, item in value.items()}
        case list() | tuple():
            return type(value)(_replaced(item) for item in value)
    return value
