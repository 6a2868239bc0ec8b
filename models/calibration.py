"""What an int8 model lost and won, measured on photos it was not calibrated on."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from models.arrays import Float32Array, UInt8Array
from models.runtimes.runtime import Runtime

LEAST_AGREEMENT = 0.97
"""A model that agrees with its fp32 form less often is not kept unless that is wanted."""

_BATCH = 4
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Calibration:
    """How an int8 model compares with its fp32 form."""

    photos: int
    """Photos it was calibrated on."""
    compared_on: int
    """Other photos, on which the two were compared."""
    agreement: float
    """Share of those with the same top-1 class, 0 to 1."""
    mean_difference: float
    """Mean absolute difference of the probability of fp32's top-1 class, 0 to 1."""
    speedup: float
    """Images a second of int8 divided by those of fp32, on the machine that calibrated."""

    @property
    def is_good(self) -> bool:
        return self.agreement >= LEAST_AGREEMENT

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=2))

    @classmethod
    def read(cls, path: Path) -> "Calibration":
        return cls(**json.loads(path.read_bytes()))


def compare(int8: Runtime, fp32: Runtime, pixels: UInt8Array, *, photos: int) -> Calibration:
    """Run both on the pixels, uint8 (N, size, size, 3); ``photos``: how many others int8 was calibrated on."""
    said, reference = _predict(int8, pixels), _predict(fp32, pixels)
    rows, top = np.arange(len(pixels)), reference.argmax(axis=1)
    return Calibration(
        photos=photos,
        compared_on=len(pixels),
        agreement=float(np.mean(said.argmax(axis=1) == top)),
        mean_difference=float(np.abs(said[rows, top] - reference[rows, top]).mean()),
        speedup=round(_speedup(int8, fp32, pixels[: 4 * _BATCH]), 2),
    )


def _predict(runtime: Runtime, pixels: UInt8Array) -> Float32Array:
    return np.concatenate([runtime.predict(pixels[i : i + _BATCH]) for i in range(0, len(pixels), _BATCH)])


def _speedup(int8: Runtime, fp32: Runtime, pixels: UInt8Array) -> float:
    """Of the best of some runs in turns: what else the machine does slows some of them, and is not theirs."""
    rounds = [(_seconds(int8, pixels), _seconds(fp32, pixels)) for _ in range(_ROUNDS)]
    fastest_int8, fastest_fp32 = (min(times) for times in zip(*rounds, strict=True))
    return float(fastest_fp32 / fastest_int8)


def _seconds(runtime: Runtime, pixels: UInt8Array) -> float:
    start = time.perf_counter()
    _predict(runtime, pixels)
    return time.perf_counter() - start
