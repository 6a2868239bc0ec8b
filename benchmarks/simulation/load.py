"""Arrival rates by second, of images that need the model (no cache hits)."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

Rates = npt.NDArray[np.float64]
"""Images per second, one element per second."""

HOUR_S: Final = 3600
QUIETEST_H: Final = 4.0
RISE_S: Final = 10


class BadLoad(ValueError):
    """The load cannot be used; the message is one line."""


@dataclass(frozen=True, slots=True)
class Load:
    """A daily curve with its minimum at 4 a.m. and its maximum at 4 p.m., plus bursts."""

    hours: float = 24.0
    base: float = 20.0
    """Minimum, images per second."""
    peak: float = 400.0
    """Maximum without bursts, images per second."""
    bursts: int = 12
    burst: float = 300.0
    """Images per second that a burst adds; it rises within 10 s."""
    burst_s: float = 300.0

    def rates(self, rng: np.random.Generator) -> Rates:
        """Start times of bursts are uniform over the whole period."""
        seconds = np.arange(int(self.hours * HOUR_S))
        phase = 2 * np.pi * (seconds / HOUR_S - QUIETEST_H) / 24
        rates = self.base + (self.peak - self.base) * (0.5 - 0.5 * np.cos(phase)) ** 1.5
        for start in np.sort(rng.uniform(0, max(1.0, len(seconds) - self.burst_s), self.bursts)):
            since, until = seconds - start, start + self.burst_s - seconds
            rates = rates + self.burst * np.clip(np.minimum(since, until) / RISE_S, 0, 1)
        return rates


def read(path: Path) -> Rates:
    """Read CSV lines of seconds and images per second; each rate applies until the next line. Raises BadLoad."""
    try:
        with path.open(newline="") as file:
            rows = [(float(row[0]), float(row[1])) for row in csv.reader(file) if row and not row[0].startswith("#")]
    except (OSError, ValueError, IndexError) as error:
        raise BadLoad(f"{path}: {error}; expected lines of seconds,images per second") from None
    times, values = (np.array(column) for column in zip(*rows, strict=True)) if rows else (np.empty(0), np.empty(0))
    if len(rows) < 2 or np.any(np.diff(times) <= 0) or np.any(values < 0) or not np.all(np.isfinite(values)):
        raise BadLoad(f"{path}: expected at least two lines in ascending order of time with rates of at least 0")
    seconds = np.arange(int(times[0]), int(times[-1]))
    return np.asarray(values[np.searchsorted(times, seconds, "right") - 1], np.float64)
