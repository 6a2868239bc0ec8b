"""What every peer computes: the decoding and the compiled model of Raylens itself, so that only the serving differs.

Imported in the environments of the peers, which have NumPy, Pillow and OpenVINO but nothing else of ours.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from models.arrays import Float32Array, UInt8Array
from models.labels import labels_of
from models.zoo import resolve_model
from serve_app.images.decoding import decode

VARIABLE: Final = "RAYLENS_PEER"
TOP: Final = 5
MAX_BATCH: Final = 16
"""Images in a model call at most, as in Raylens' own queue."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a peer is told: one JSON object in the environment, which its worker processes inherit."""

    model: str
    artifact: str
    """Path of the model that Raylens compiled, an OpenVINO ``model.xml``."""
    precision: str
    cores: int
    workers: int
    """Processes that decode and infer, where the system has such."""
    threads: int
    """Of a model call."""
    port: int
    folder: str
    """For the peer's own files; gone when it ends."""

    @classmethod
    def told(cls) -> Self:
        return cls(**json.loads(os.environ[VARIABLE]))

    def environment(self) -> dict[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}


class Classifier:
    """Encoded photos → the five most probable classes of each, on OpenVINO."""

    def __init__(self, terms: Terms) -> None:
        from models.runtimes.openvino import OpenVINORuntime  # noqa: PLC0415

        self._spec = resolve_model(terms.model)
        self._labels = labels_of(self._spec)
        self._runtime = OpenVINORuntime(
            Path(terms.artifact),
            len(self._labels),
            batch_buckets=tuple(range(1, MAX_BATCH + 1)),
            precision=terms.precision,
            threads=terms.threads,
        )
        self._runtime.warm_up()

    def pixels(self, photo: bytes) -> UInt8Array:
        """uint8 (size, size, 3), as Raylens' Preprocessor makes it."""
        return decode(photo, self._spec.transform)[1]

    def infer(self, rows: list[UInt8Array]) -> list[list[dict[str, Any]]]:
        return [self.ranked(row) for row in self._runtime.predict(np.stack(rows))]

    def classify(self, photos: list[bytes]) -> list[list[dict[str, Any]]]:
        return self.infer([self.pixels(photo) for photo in photos])

    def ranked(self, probabilities: Float32Array) -> list[dict[str, Any]]:
        """The first classes of float32 (C,)."""
        first = np.argsort(-probabilities, kind="stable")[:TOP]
        return [
            {"index": int(index), "label": self._labels.name(index), "probability": float(probabilities[index])}
            for index in first
        ]
