"""Accuracy and speed of an int8 model relative to fp32, measured on held-out photos."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from models.arrays import Float32Array, UInt8Array
from models.runtimes.runtime import Runtime

MIN_AGREEMENT = 0.97
"""An int8 model that agrees with fp32 less often is discarded by default."""

_BATCH = 4
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class QuantizationReport:
    """Comparison of an int8 model with the fp32 model it was made from."""

    photos: int
    """Number of photos used for calibration."""
    compared_on: int
    """Number of held-out photos used for the comparison."""
    agreement: float
    """Share of held-out photos with the same top-1 class, 0 to 1."""
    mean_difference: float
    """Mean absolute difference in the probability of the fp32 top-1 class, 0 to 1."""
    speedup: float | None
    """Throughput of int8 divided by that of fp32 on this machine; None if it was compared on another one."""

    @property
    def is_accurate(self) -> bool:
        return self.agreement >= MIN_AGREEMENT

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=2))

    @classmethod
    def read(cls, path: Path) -> "QuantizationReport":
        return cls(**json.loads(path.read_bytes()))


def compare(int8: Runtime, fp32: Runtime, pixels: UInt8Array, *, photos: int) -> QuantizationReport:
    """Run both models on held-out pixels, uint8 (N, size, size, 3). ``photos``: number used for calibration."""
    predicted, reference = _predict(int8, pixels), _predict(fp32, pixels)
    rows, top = np.arange(len(pixels)), reference.argmax(axis=1)
    return QuantizationReport(
        photos=photos,
        compared_on=len(pixels),
        agreement=float(np.mean(predicted.argmax(axis=1) == top)),
        mean_difference=float(np.abs(predicted[rows, top] - reference[rows, top]).mean()),
        speedup=round(_speedup(int8, fp32, pixels[: 4 * _BATCH]), 2),
    )


def _predict(runtime: Runtime, pixels: UInt8Array) -> Float32Array:
    return np.concatenate([runtime.predict(pixels[i : i + _BATCH]) for i in range(0, len(pixels), _BATCH)])


def _speedup(int8: Runtime, fp32: Runtime, pixels: UInt8Array) -> float:
    """Ratio of the fastest runs, taken alternately, to exclude the effect of other load on the machine."""
    rounds = [(_seconds(int8, pixels), _seconds(fp32, pixels)) for _ in range(_ROUNDS)]
    fastest_int8, fastest_fp32 = (min(times) for times in zip(*rounds, strict=True))
    return float(fastest_fp32 / fastest_int8)


def _seconds(runtime: Runtime, pixels: UInt8Array) -> float:
    start = time.perf_counter()
    _predict(runtime, pixels)
    return time.perf_counter() - start
