"""Classifiers of ``keras.applications``, including their preprocessing."""

import os
from pathlib import Path

import keras

from models.errors import WeightsUnavailable
from models.spec import ApplicationWeights, Transform


def build_application(weights: ApplicationWeights, transform: Transform) -> keras.Model:
    """uint8 (N, size, size, 3) → float32 probabilities (N, 1000).

    Raises WeightsUnavailable if the weights are not in Keras' cache and cannot be downloaded.
    """
    preprocess = getattr(keras.applications, weights.module).preprocess_input
    classifier = _pretrained(weights.function, transform.height)
    image = keras.Input(transform.shape, dtype="uint8", name="image")
    return keras.Model(image, classifier(preprocess(keras.ops.cast(image, "float32")), training=False))


def _pretrained(function: str, size: int) -> keras.Model:
    try:
        return getattr(keras.applications, function)(weights="imagenet", input_shape=(size, size, 3))
    except Exception as error:  # Keras raises a bare Exception for a failed download
        cache = Path(os.environ.get("KERAS_HOME", "~/.keras"), "models")
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsUnavailable(
            f"The weights of {function} are not in {cache} and could not be downloaded ({reason}). "
            f"Run `raylens models prepare {function.lower()}` on a machine with a network and copy that folder here."
        ) from error
