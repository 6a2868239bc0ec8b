"""Builds Keras models from specs. Keras is imported only in this package, when a model is built."""

import os
from typing import TYPE_CHECKING

from models.spec import ApplicationWeights, EfficientNetLiteWeights, KerasFileWeights, ModelSpec

if TYPE_CHECKING:
    import keras

# Read on the first import of TensorFlow and Keras: less logging, and the backend that OpenVINO can convert.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"


def build_keras_model(spec: ModelSpec) -> "keras.Model":
    """A Keras model with weights, from uint8 RGB pixels (N, size, size, 3) to float32 probabilities (N, C).

    Raises WeightsUnavailable, WeightsCorrupt or InvalidModel.
    """
    _ignore_user_defaults()
    match spec.weights:
        case EfficientNetLiteWeights() as weights:
            from models.architectures.efficientnet_lite import build_efficientnet_lite  # noqa: PLC0415

            return build_efficientnet_lite(weights, spec.transform)
        case ApplicationWeights() as weights:
            from models.architectures.application import build_application  # noqa: PLC0415

            return build_application(weights, spec.transform)
        case KerasFileWeights() as weights:
            from models.architectures.keras_file import build_from_file  # noqa: PLC0415

            return build_from_file(weights, spec)


def _ignore_user_defaults() -> None:
    """Undo what ``~/.keras/keras.json`` may set."""
    import keras  # noqa: PLC0415

    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
