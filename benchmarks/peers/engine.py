"""Decoding and inference for all peers: the code and the compiled model of Raylens, so that only the serving differs.

Imported in the environments of the peers, which contain NumPy, OpenVINO and what decodes images, but not Raylens' other
dependencies.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from benchmarks.peers.plain_pixels import plain_pixels
from models.arrays import Float32Array, UInt8Array
from models.labels import labels_of
from models.zoo import resolve_model
from serve_app.images.decoding import decode

VARIABLE: Final = "RAYLENS_PEER"
TOP: Final = 5
MAX_BATCH: Final = 16
"""Maximum images per model call, as in Raylens."""


@dataclass(frozen=True, slots=True)
class PeerConfig:
    """Configuration of a peer, passed as JSON in an environment variable that worker processes inherit."""

    model: str
    artifact: str
    """Path of Raylens' compiled model, an OpenVINO ``model.xml``."""
    precision: str
    cores: int
    workers: int
    """Number of worker processes, if the system has workers."""
    threads: int
    """Threads per model call."""
    port: int
    folder: str
    """Temporary folder for the peer's files."""
    plain: bool = False
    """Decode and resize as documentation shows it (``plain_pixels``), instead of with the code of Raylens."""

    @classmethod
    def from_environment(cls) -> Self:
        return cls(**json.loads(os.environ[VARIABLE]))

    def environment(self) -> dict[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}


class Classifier:
    """Classifies encoded photos with OpenVINO and returns the five most probable classes."""

    def __init__(self, config: PeerConfig) -> None:
        from models.runtimes.openvino import OpenVINORuntime  # noqa: PLC0415

        self._spec = resolve_model(config.model)
        self._plain = config.plain
        self._labels = labels_of(self._spec)
        self._runtime = OpenVINORuntime(
            Path(config.artifact),
            len(self._labels),
            batch_buckets=tuple(range(1, MAX_BATCH + 1)),
            precision=config.precision,
            threads=config.threads,
        )
        self._runtime.warm_up()

    def pixels(self, photo: bytes) -> UInt8Array:
        """uint8 (size, size, 3), as in Raylens' Preprocessor unless the configuration asks for plain ones."""
        if self._plain:
            return plain_pixels(photo, self._spec.transform)
        return decode(photo, self._spec.transform)[1]

    def infer(self, rows: list[UInt8Array]) -> list[list[dict[str, Any]]]:
        return [self.ranked(row) for row in self._runtime.predict(np.stack(rows))]

    def classify(self, photos: list[bytes]) -> list[list[dict[str, Any]]]:
        return self.infer([self.pixels(photo) for photo in photos])

    def ranked(self, probabilities: Float32Array) -> list[dict[str, Any]]:
        """The most probable classes of float32 (C,)."""
        first = np.argsort(-probabilities, kind="stable")[:TOP]
        return [
            {"index": int(index), "label": self._labels.name(index), "probability": float(probabilities[index])}
            for index in first
        ]
