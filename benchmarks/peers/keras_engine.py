"""Inference with Keras on TensorFlow instead of a compiled model, as in the Keras documentation."""

from typing import Any

import numpy as np

from benchmarks.peers.engine import TOP, PeerConfig
from models.architectures import build_keras_model
from models.arrays import UInt8Array
from models.labels import labels_of
from models.zoo import resolve_model
from serve_app.images.decoding import decode


class KerasClassifier:
    """Classifies encoded photos with ``predict_on_batch`` in fp32 and returns the five most probable classes."""

    def __init__(self, config: PeerConfig) -> None:
        self._spec = resolve_model(config.model)
        self._labels = labels_of(self._spec)
        self._model = build_keras_model(self._spec)
        self.infer(np.zeros((1, *self._spec.transform.shape), np.uint8))

    def pixels(self, photo: bytes) -> UInt8Array:
        """uint8 (1, size, size, 3)."""
        return decode(photo, self._spec.transform)[1][np.newaxis]

    def infer(self, pixels: UInt8Array) -> list[dict[str, Any]]:
        (probabilities,) = np.asarray(self._model.predict_on_batch(pixels))
        first = np.argsort(-probabilities, kind="stable")[:TOP]
        return [
            {"index": int(index), "label": self._labels.name(index), "probability": float(probabilities[index])}
            for index in first
        ]
