"""What was found out about each way to decode, and how it is computed."""

import json
import statistics
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

import numpy as np

from benchmarks.results import Machine
from models.arrays import Float32Array, UInt8Array

LIBRARIES: Final = ("raylens", "pillow", "openvino")
TOP: Final = 5


@dataclass(slots=True)
class Tally:
    """One variant on photos of one size, summed view by view."""

    times_ms: list[float] = field(default_factory=list)
    """CPU time, of each view the best."""
    views: int = 0
    agreed: int = 0
    """Views whose top-1 class is that of the reference."""
    labelled: int = 0
    hits: int = 0
    """Labelled views with the right class among the five likeliest."""
    pixel_sum: float = 0.0
    probability_sum: float = 0.0

    def add(self, time_ms: float, pixels: UInt8Array, reference: UInt8Array) -> None:
        """``pixels``: uint8 (size, size, 3)."""
        self.times_ms.append(time_ms)
        self.pixel_sum += float(np.abs(pixels.astype(np.int16) - reference).mean())

    def compare(self, probabilities: Float32Array, reference: Float32Array, label: int | None) -> None:
        """``probabilities``: (C,) of one view."""
        first = int(reference.argmax())
        self.views += 1
        self.agreed += int(probabilities.argmax()) == first
        self.probability_sum += abs(float(probabilities[first]) - float(reference[first]))
        if label is not None:
            self.labelled += 1
            self.hits += label in np.argsort(-probabilities)[:TOP]

    @property
    def ms(self) -> float:
        """Median over the views, milliseconds."""
        return statistics.median(self.times_ms)

    @property
    def agreement(self) -> float:
        """Share of the views, 0 to 1."""
        return self.agreed / self.views

    @property
    def pixel_difference(self) -> float:
        """Mean absolute one, in 8-bit values."""
        return self.pixel_sum / self.views

    @property
    def probability_difference(self) -> float:
        """Mean absolute one, of the class that is the reference's first."""
        return self.probability_sum / self.views

    def as_dict(self) -> dict[str, float]:
        told = {name: value for name, value in asdict(self).items() if name not in ("times_ms", "pixel_sum")}
        del told["probability_sum"]
        return told | {
            "ms": self.ms,
            "agreement": self.agreement,
            "pixel_difference": self.pixel_difference,
            "probability_difference": self.probability_difference,
        }


@dataclass(slots=True)
class Preprocessing:
    """All of it, as it goes into the JSON."""

    machine: Machine
    model: str
    repeats: int
    """Each view is decoded this many times by each variant, in turn; the quickest counts."""
    tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)
    """By title of the size, by title of the variant."""
    mean_bytes: dict[str, float] = field(default_factory=dict)
    """Of a file, by title of the size."""
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    versions: dict[str, str] = field(default_factory=lambda: {name: version(name) for name in LIBRARIES})

    def as_json(self) -> str:
        tallies = {
            size: {name: tally.as_dict() for name, tally in of_size.items()} for size, of_size in self.tallies.items()
        }
        told = asdict(self)
        return json.dumps(told | {"tallies": tallies}, indent=1)
