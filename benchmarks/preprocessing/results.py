"""Results of the preprocessing benchmark."""

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
    """Totals of one variant on photos of one size."""

    times_ms: list[float] = field(default_factory=list)
    """Fastest CPU time of each view."""
    views: int = 0
    agreed: int = 0
    """Views with the same top-1 class as the reference."""
    labelled: int = 0
    hits: int = 0
    """Labelled views with the correct class among the top 5."""
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
        """Mean absolute difference in 8-bit values."""
        return self.pixel_sum / self.views

    @property
    def probability_difference(self) -> float:
        """Mean absolute difference of the probability of the reference's top-1 class."""
        return self.probability_sum / self.views

    def as_dict(self) -> dict[str, float]:
        result = {name: value for name, value in asdict(self).items() if name not in ("times_ms", "pixel_sum")}
        del result["probability_sum"]
        return result | {
            "ms": self.ms,
            "agreement": self.agreement,
            "pixel_difference": self.pixel_difference,
            "probability_difference": self.probability_difference,
        }


@dataclass(slots=True)
class Preprocessing:
    """All results, as written to the JSON output."""

    machine: Machine
    model: str
    repeats: int
    """Repetitions per view and variant; the fastest one counts."""
    tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)
    """By size, then by variant."""
    mean_bytes: dict[str, float] = field(default_factory=dict)
    """Mean file size by photo size."""
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    versions: dict[str, str] = field(default_factory=lambda: {name: version(name) for name in LIBRARIES})

    def as_json(self) -> str:
        tallies = {
            size: {name: tally.as_dict() for name, tally in of_size.items()} for size, of_size in self.tallies.items()
        }
        result = asdict(self)
        return json.dumps(result | {"tallies": tallies}, indent=1)
